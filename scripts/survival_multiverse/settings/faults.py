"""Faults that a user can correct, as one message."""

import difflib
import json
from collections.abc import Iterable
from typing import Any


class _Empty:
    """A key without a value: no type at all."""


EMPTY = _Empty()


class InputError(Exception):
    """Faults in the settings or the data that the user can mend.

    Attributes
    ----------
    faults : list of str
        One line each: where, what is wrong, what to do. ``str(error)`` holds them all.
    """

    def __init__(self, faults: Iterable[str], *, subject: str = "the settings") -> None:
        self.faults = list(faults)
        number = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__("\n".join([f"{number} in {subject}:", *(f"- {fault}" for fault in self.faults)]))


def nearest(name: object, legal: Iterable[str]) -> str:
    """Return ``did you mean `x`?``, or the legal names if none is near."""
    names = [str(item) for item in legal]
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.6)
    if not near:
        folded = {item.casefold(): item for item in names}
        near = [folded[match] for match in difflib.get_close_matches(str(name).casefold(), folded, n=1)]
    if near:
        return f"did you mean `{near[0]}`?"
    return f"legal are {', '.join(names)}" if names else "none is legal here"


def place(path: Iterable[str | int]) -> str:
    """Return a path as readers write it: ``decisions.dose_cutoff.options[2].value``, counted from 1."""
    text = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".") or "the settings"


def shown(value: Any) -> str:
    """Return a value as a message shows it: short, on one line."""
    text = json.dumps(value, ensure_ascii=False, default=lambda item: None if item is EMPTY else str(item))
    return text if len(text) <= 60 else f"{text[:57]}..."
