"""Texts of the cells of a column, the same whether the file was CSV or Parquet."""

import datetime
import re
from collections.abc import Collection, Iterable
from decimal import Decimal
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa

NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]+")
BOOLEANS = ({"True", "False"}, {"TRUE", "FALSE"}, {"true", "false"})
"""How programs write a column of booleans as text; a column in none of these ways is text."""
BLANKS = " \t\r\n\u00a0\u1680\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
"""What may stand around a value. A vertical tab or a file separator is no blank, as `str.strip` has it."""
NOT_ONE_VALUE = object()
INTEGERS = {
    getattr(pa, name.lower())(): getattr(pd, f"{name}Dtype")()
    for name in ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
}
"""Arrow's whole numbers as those of pandas that can have gaps: an id keeps all its digits beside one."""


class Cells:
    """One column.

    Text is missing where the cell is blank or holds one of the texts declared as missing. A column that a
    program wrote from floating-point numbers (``7.0`` beside gaps) or booleans (``TRUE``) says what the same
    column of a Parquet file says: ``7`` and ``true``. Any other text stays as it is: ``1.10``, ``001``.

    Parameters
    ----------
    values
        Column of any type.
    missing
        Texts that stand for a missing value.

    Attributes
    ----------
    form : str
        number, boolean or text: what the column was before it became text.
    """

    def __init__(self, values: pd.Series, missing: Collection[str] = ()) -> None:
        self._values = _plain(values)
        self._missing = frozenset(missing)
        if pd.api.types.is_float_dtype(self._values.dtype):
            self.form = "number"
        elif pd.api.types.is_bool_dtype(self._values.dtype):
            self.form = "boolean"
        else:
            self.form = _form({text for text in self._raw[1] if isinstance(text, str)} - self._missing)

    def __len__(self) -> int:
        return len(self._values)

    @cached_property
    def texts(self) -> np.ndarray:
        """Return the text of each cell, shape (n,); None where it is missing."""
        codes, texts = self._raw
        return np.array([*(self._said(text) for text in texts), None], dtype=object)[codes]

    @cached_property
    def numbers(self) -> np.ndarray:
        """Return the cells as float64, shape (n,); NaN where a cell is missing or not a number."""
        if pd.api.types.is_float_dtype(self._values.dtype):
            numbers = _as_doubles(self._values)
            declared = [number_of(text) for text in self._declared if text == whole(repr(number_of(text)))]
            numbers[np.isin(numbers, declared)] = np.nan
        else:
            codes, texts = self._raw
            said = [self._said(text) for text in texts]
            numbers = np.array([*(number_of(text) for text in said), np.nan])[codes]
        return numbers + 0.0  # -0.0 becomes 0.0

    @cached_property
    def gaps(self) -> np.ndarray:
        """Return the mask of the missing cells, shape (n,)."""
        if pd.api.types.is_float_dtype(self._values.dtype):
            return np.isnan(self.numbers)
        codes, texts = self._raw
        missing = [text is not NOT_ONE_VALUE and self._said(text) is None for text in texts]
        return np.array([*missing, True], dtype=bool)[codes]

    @cached_property
    def nested(self) -> np.ndarray:
        """Return the mask of the cells that hold a list, a group of values or bytes, shape (n,)."""
        if self._values.dtype != object:
            return np.zeros(len(self), dtype=bool)
        codes, texts = self._raw
        return np.array([*(text is NOT_ONE_VALUE for text in texts), False], dtype=bool)[codes]

    def match(self, pattern: re.Pattern[str]) -> np.ndarray:
        """Return the mask of the cells in whose text the pattern occurs, shape (n,)."""
        if self._values.dtype.kind in "iuf":
            return np.zeros(len(self), dtype=bool)
        codes, texts = self._raw
        found = [isinstance(text, str) and pattern.search(text) is not None for text in texts]
        return np.array([*found, False], dtype=bool)[codes]

    @property
    def texts_of_gaps(self) -> set[str]:
        """Return the texts declared as missing that stand in some cell."""
        return {text for text in self._raw[1] if isinstance(text, str) and text in self._missing}

    def levels(self, levels: Iterable[str]) -> np.ndarray:
        """Return each cell's declared level, shape (n,), by its text; None for a gap or no level."""
        known: dict[str | None, str] = {self._spelt(level): level for level in levels}
        codes, texts = self._raw
        return np.array([*(known.get(self._said(text)) for text in texts), None], dtype=object)[codes]

    def shown(self) -> np.ndarray:
        """Return the texts for tables, shape (n,): a control character is a space."""
        codes, texts = self._raw
        said = (self._said(text) for text in texts)
        clean = [None if text is None else CONTROL.sub(" ", text).strip(BLANKS) or None for text in said]
        return np.array([*clean, None], dtype=object)[codes]

    @cached_property
    def _raw(self) -> tuple[np.ndarray, list[object]]:
        """Return the codes and the distinct texts as written; a gap has code -1."""
        return _distinct_texts(self._values)

    def _said(self, text: object) -> str | None:
        if not isinstance(text, str) or text in self._missing:
            return None
        spelt = self._spelt(text)
        return None if spelt in self._declared else spelt

    @cached_property
    def _declared(self) -> frozenset[str]:
        return frozenset(self._spelt(text) for text in self._missing)

    def _spelt(self, text: str) -> str:
        if self.form == "number":
            return whole(text)
        if self.form == "boolean" and text.casefold() in ("true", "false"):
            return text.casefold()
        return text


def number_of(text: str | None) -> float:
    """Return the number that a text says with a decimal point, also as 1e3 or infinity; NaN for any other."""
    if text is not None and (NUMBER.fullmatch(text) or INFINITE.fullmatch(text)):
        return float(text)
    return np.nan


def whole(text: str) -> str:
    """Return the text of a floating-point number without the ``.0`` of a whole one."""
    return "0" if text == "-0.0" else text.removesuffix(".0")


def empty_rows(frame: pd.DataFrame, missing: Collection[str]) -> np.ndarray:
    """Return the mask of the rows without any value, shape (n,)."""
    empty = np.ones(len(frame), dtype=bool)
    for position in range(frame.shape[1]):
        if not empty.any():
            break
        cells = Cells(frame.iloc[np.flatnonzero(empty), position], missing)
        empty[empty] = cells.gaps
    return empty


def _form(texts: set[str]) -> str:
    """Return the type that a column of these texts had before it became text."""
    if texts and any(texts <= words for words in BOOLEANS):
        return "boolean"
    if any(text.endswith(".0") for text in texts) and all(map(_is_written_float, texts)):
        return "number"
    return "text"


def _is_written_float(text: str) -> bool:
    """Return whether a program writes a floating-point number so: ``1.5``, not ``1.50`` or ``1``."""
    return bool(NUMBER.fullmatch(text)) and repr(float(text)) == text


def _plain(values: pd.Series) -> pd.Series:
    """Return the column without index and without pandas wrappers of numbers, categories or Arrow arrays."""
    values = values.reset_index(drop=True)
    if isinstance(values.dtype, pd.ArrowDtype):
        column = pa.table({"": values.array.__arrow_array__()})
        return _plain(column.to_pandas(types_mapper=INTEGERS.get)[""])
    if isinstance(values.dtype, pd.CategoricalDtype):
        codes = values.cat.codes.to_numpy()
        categories = _plain(pd.Series(values.cat.categories))
        if pd.api.types.is_integer_dtype(categories.dtype):
            categories = categories.astype("UInt64" if categories.dtype.kind == "u" else "Int64")
        if categories.empty:
            return pd.Series(np.full(len(codes), None, dtype=object))
        return categories.take(np.maximum(codes, 0)).reset_index(drop=True).mask(codes < 0)
    floating = values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) == "floating"
    # Of single precision each number has its own shortest text.
    if floating and not any(isinstance(value, np.float32 | np.float16) for value in values):
        return values.astype(np.float64)
    return values


def _as_doubles(values: pd.Series) -> np.ndarray:
    """Return floating-point numbers as float64: those of single precision by their shortest decimal text."""
    if values.dtype.kind != "f" or not isinstance(values.dtype, np.dtype):
        numpy_type = values.dtype.numpy_dtype if hasattr(values.dtype, "numpy_dtype") else np.float64
        values = pd.Series(values.to_numpy(dtype=numpy_type, na_value=np.nan))
    numbers = values.to_numpy()
    if numbers.dtype == np.float64:
        return numbers.copy()
    distinct, codes = np.unique(numbers, return_inverse=True)
    return np.array([float(str(number)) for number in distinct], dtype=np.float64)[codes]


def _distinct_texts(values: pd.Series) -> tuple[np.ndarray, list[object]]:
    if pd.api.types.is_float_dtype(values.dtype):
        codes, distinct = pd.factorize(_as_doubles(values), use_na_sentinel=True)
        return codes, [whole(repr(float(number))) for number in distinct]
    if values.dtype == object:
        # True and 1 are equal keys, and a list is none.
        return _codes([_text(value) for value in values])
    if pd.api.types.is_datetime64_any_dtype(values.dtype) or pd.api.types.is_timedelta64_dtype(values.dtype):
        return _codes([_text(value) for value in values.astype(str).mask(values.isna(), None).astype(object)])
    codes, distinct = pd.factorize(values, use_na_sentinel=True)
    again, texts = _codes([*(_text(value) for value in distinct), None])
    # A gap has code -1, and so has a blank; the last place holds it.
    return again[codes], texts


def _codes(texts: Iterable[object]) -> tuple[np.ndarray, list[object]]:
    """Return codes and distinct texts, a gap -1; by Python's equality: pandas ends a text at a NUL byte."""
    place: dict[object, int] = {}
    codes = [-1 if text is None else place.setdefault(text, len(place)) for text in texts]
    return np.array(codes, dtype=np.int64), list(place)


def _text(value: object) -> object:
    """Return the text of one value; None for a gap or a blank."""
    if isinstance(value, str):
        return value.strip(BLANKS) or None
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else whole(str(value))
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, Decimal):
        return None if value.is_nan() else str(value)
    if isinstance(value, datetime.date | datetime.time | datetime.timedelta):
        return str(value)
    return NOT_ONE_VALUE
