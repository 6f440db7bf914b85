"""Location of the workflow that this library belongs to."""

from pathlib import Path


def _workflow_root() -> Path:
    """Return the clone that holds this library; for an installed library, the clone of the working folder."""
    clone = Path(__file__).resolve().parents[3]
    return clone if (clone / "workflow" / "Snakefile").is_file() else Path.cwd()


WORKFLOW_ROOT = _workflow_root()
