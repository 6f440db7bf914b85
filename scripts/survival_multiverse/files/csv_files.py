"""CSV files: numbers in full, and no text that a spreadsheet would run."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from survival_multiverse.files.output_files import write_bytes

_BEGINS = "[=+\\-@\\t\\r\\n＝＋－＠]"
_FORMULA, _ESCAPED = re.compile(f"'*{_BEGINS}"), re.compile(f"'+{_BEGINS}")
"""A text that was escaped once begins with ``'``, too: taking one away always gives back what there was."""
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def write_csv(frame: pd.DataFrame, path: str | Path, *, data_origin: str | None = None) -> None:
    """Write a small table as CSV: numbers in full, missing cells empty.

    Parameters
    ----------
    data_origin
        Source of the patients; as a first column it stays with the numbers wherever they are copied.
    """
    write_bytes(path, csv_bytes(frame, data_origin))


def csv_bytes(frame: pd.DataFrame, data_origin: str | None = None) -> bytes:
    """Return the bytes that `write_csv` writes."""
    if data_origin is not None:
        frame = pd.concat([pd.Series(data_origin, index=frame.index, name="data_origin"), frame], axis=1)
    frame = inert_frame(frame)
    text = frame.to_csv(index=False, lineterminator="\n")
    if "\r" in text:
        # Many readers end a row at a bare carriage return; what follows would begin a cell.
        text = frame.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return text.encode()


def read_csv(path: str | Path) -> pd.DataFrame:
    """Read what `write_csv` wrote, its texts as they were."""
    return _in_texts(pd.read_csv(path), _as_it_was)


def inert(value: Any) -> Any:
    """Return the value; a text that a spreadsheet would run as a formula gets ``'`` in front."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def inert_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with every text and every column name made `inert`."""
    return _in_texts(frame, inert)


def _as_it_was(value: Any) -> Any:
    return value[1:] if isinstance(value, str) and _ESCAPED.match(value) else value


def _in_texts(frame: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    # By position: two columns may share a name.
    numbered = frame.set_axis(range(frame.shape[1]), axis=1)
    for position, dtype in numbered.dtypes.items():
        if not is_numeric_dtype(dtype):
            kept = object if isinstance(dtype, pd.CategoricalDtype) else dtype
            texts = [change(value) for value in numbered[position]]
            numbered[position] = pd.Series(texts, numbered.index, kept)
    return numbered.set_axis([change(name) for name in frame.columns], axis=1)
