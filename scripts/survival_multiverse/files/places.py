"""Where the workflow lies that this library belongs to."""

from pathlib import Path


def _workflow_root() -> Path:
    """The clone that holds this library; of an installed library, the clone that one stands in."""
    clone = Path(__file__).resolve().parents[3]
    return clone if (clone / "workflow" / "Snakefile").is_file() else Path.cwd()


WORKFLOW_ROOT = _workflow_root()
