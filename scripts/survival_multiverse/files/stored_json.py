"""Untrusted JSON that an audit reads: its required shape."""

import json
from pathlib import Path
from typing import Any

STORED_FILE = {"path": str, "bytes": int, "sha256": str}
RECORD = {
    **{"rule": str, "wildcards": {str: str}, "parameters": {str: object}, "settings_sha256": str},
    **{"seed": int, "data_origin": str, "code_sha256": {str: str}, "versions": {str: str}},
    **{"inputs": [STORED_FILE | {"role": str}], "outputs": [STORED_FILE]},
    "run": {"started": str, "ended": str, "host": str, "processor": str, "cores": int},
}
MANIFEST = {
    **{"study": {"title": str}, "run": {"configfiles": [str], "config": {str: object}}},
    "files": [STORED_FILE],
}
CRATE = {"@graph": [{"@id": str}]}
SETTINGS = {"study": {str: object}}
ABOUT = {"study": {"title": str}, "decisions": {str: {"options": [object]}}, "inference": {"draws": int}}
SHARING = {"disclosure": {"minimum_count": int}}
"""Shapes, the last two of the settings of a job that is given these: a type, a list of one shape, a mapping
of known keys, or (``str``) one of any keys."""


def read_json(path: Path, shape: Any) -> Any:
    """Read a JSON file; return ``None`` if it cannot be read or has another shape."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if fits(value, shape) else None


def fits(value: Any, shape: Any) -> bool:
    """Return whether a value has a shape; it may have more keys than the shape names."""
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(entry, shape[0]) for entry in value)
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return False
        if str in shape:
            return all(fits(entry, shape[str]) for entry in value.values())
        return all(key in value and fits(value[key], own) for key, own in shape.items())
    return isinstance(value, shape)
