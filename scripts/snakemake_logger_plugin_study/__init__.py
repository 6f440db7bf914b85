"""What Snakemake's `--logger study` prints; the name of this package is how Snakemake finds it."""

from survival_multiverse.cli.progress import LogHandler, LogHandlerSettings

__all__ = ["LogHandler", "LogHandlerSettings"]
