"""Tidy result rows: written one by one, frozen into arrays, joined into one Arrow table a scenario."""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from survival_multiverse.settings.schema import ESTIMATE_COLUMNS, STATUS_REASON, Status
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import Scenario, Value

NAN = float("nan")
_LABELS = tuple(column.name for column in ESTIMATE_COLUMNS if column.type == "category")
_NUMBERS = ("landmark", "estimate", "std_error", "ci_lower", "ci_upper", "p_value")
_COUNTS = ("df", "n", "events")
_MISSING_COUNT = -1
# A row is one record of machine numbers: several times cheaper to write and to read than tuples.
_pack = Struct(f"=q{len(_NUMBERS)}d{len(_COUNTS)}i").pack
_ROW = np.dtype([("label", "i8"), *((name, "f8") for name in _NUMBERS), *((name, "i4") for name in _COUNTS)])
# A name of its own: every access to a member through its class costs as much as writing a row.
_OK = Status.OK
RowBlock = bytes
"""Rows of one context, record by record."""

_code_of_string: dict[str | None, int] = {None: 0}
_code_of_label: dict[tuple[Any, ...], int] = {}
_label_codes: list[np.ndarray] = []
# The same as one array, made again when labels have been added.
_label_matrix: list[np.ndarray] = [np.empty((0, len(_LABELS)), dtype=np.int32)]


class Context(NamedTuple):
    """Which patients, made comparable how: shared by all rows of a block."""

    population: str
    adjustment_set: str | None = None
    estimator: str = "unadjusted"
    landmark: float = 0.0
    landmark_order: str | None = None
    subgroup: str | None = None


class RowWriter:
    """Collects rows of one context."""

    __slots__ = ("_because", "_failure", "_flag_text", "_flags", "_head", "_landmark", "_rows")

    def __init__(
        self,
        context: Context,
        *,
        flags: Iterable[str] = (),
        failure: Status = Status.OK,
        because: str = "",
    ) -> None:
        """Write rows of a context; `failure` explains, in place of its consequences, why nobody is left.

        `because` says what is behind the failure and what to do; the reason of its rows ends with it.
        """
        self._failure = failure
        self._because = because
        self._landmark = context.landmark
        self._head = (
            str(context.population),
            context.adjustment_set,
            context.estimator,
            context.landmark_order,
            context.subgroup,
        )
        self._flags = tuple(dict.fromkeys(flags))
        self._flag_text = ";".join(self._flags) or None
        self._rows = bytearray()

    def add(
        self,
        analysis: str,
        statistic: str,
        estimate: float,
        *,
        variable: str = "arm",
        level: str | None = None,
        model: str | None = None,
        ties: str | None = None,
        variance: str | None = None,
        std_error: float = NAN,
        ci_lower: float = NAN,
        ci_upper: float = NAN,
        p_value: float = NAN,
        df: int = _MISSING_COUNT,
        n: int = _MISSING_COUNT,
        events: int = _MISSING_COUNT,
        status: Status = _OK,
        because: str = "",
        flags: Sequence[str] = (),
    ) -> None:
        """Append one row; a status other than ok leaves it without numbers and says why."""
        if status is not _OK:
            estimate = std_error = ci_upper = p_value = NAN
            # A median that is not reached still has a lower limit.
            ci_lower = ci_lower if status is Status.NOT_REACHED and self._failure is _OK else NAN
            if self._failure is not _OK:
                status, because = self._failure, self._because
        flag_text = self._flag_text
        if flags:
            flag_text = ";".join(dict.fromkeys((*self._flags, *flags)))
        words = (analysis, model, ties, variance, variable, level, statistic)
        label = (self._head, words, status, because, flag_text)
        code = _code_of_label.get(label)
        if code is None:
            code = _intern(label)
        self._rows += _pack(
            code, self._landmark, estimate, std_error, ci_lower, ci_upper, p_value, df, n, events
        )

    def freeze(self) -> RowBlock:
        """Return the rows so far."""
        return bytes(self._rows)


def _intern(label: tuple[Any, ...]) -> int:
    """Return the number of a row's labels, which recur from scenario to scenario."""
    head, middle, status, because, flag_text = label
    reason = STATUS_REASON.get(status)
    words = (*head, *middle, status, f"{reason}; {because}" if because else reason, flag_text)
    strings = [_code_of_string.setdefault(text, len(_code_of_string)) for text in words]
    code = _code_of_label[label] = len(_label_codes)
    _label_codes.append(np.array(strings, dtype=np.int32))
    return code


def arrow_schema(study: Study) -> pa.Schema:
    """Return the fixed Arrow schema of a scenario file, with the study's units in the field metadata."""
    types = {"number": pa.float64(), "count": pa.int32(), "category": pa.dictionary(pa.int32(), pa.string())}
    return pa.schema(
        [
            pa.field(
                column.name,
                types[column.type],
                metadata={"description": column.description, "unit": column.unit},
            )
            for column in study.estimate_columns
        ]
    )


def scenario_table(scenario: Scenario, blocks: list[RowBlock], schema: pa.Schema) -> pa.Table:
    """Join blocks into the table of one scenario, whose options are its first columns.

    Dictionaries hold only the strings of this table, in sorted order, so that the bytes do not
    depend on what else was evaluated in the process.
    """
    rows = np.frombuffer(b"".join(blocks), dtype=_ROW)
    labels = _string_codes(rows["label"])
    strings = list(_code_of_string)
    arrays = {name: _repeated(value, len(rows)) for name, value in zip(schema.names, scenario, strict=False)}
    for j, name in enumerate(_LABELS):
        arrays[name] = _dictionary_array(np.ascontiguousarray(labels[:, j]), strings)
    for name in _NUMBERS:
        column = np.ascontiguousarray(rows[name])
        arrays[name] = pa.array(column, mask=np.isnan(column))
    for name in _COUNTS:
        column = np.ascontiguousarray(rows[name])
        arrays[name] = pa.array(column, mask=column == _MISSING_COUNT)
    return pa.table([arrays[name] for name in schema.names], schema=schema)


def _repeated(value: Value, times: int) -> pa.Array:
    if not isinstance(value, str):
        return pa.array(np.full(times, value))
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(times, dtype=np.int32)), pa.array([value]))


def _string_codes(labels: np.ndarray) -> np.ndarray:
    """Return string codes of the labels, shape (n, labels)."""
    if len(_label_matrix[0]) < len(_label_codes):
        _label_matrix[0] = np.stack(_label_codes)
    return _label_matrix[0][labels]


def _dictionary_array(codes: np.ndarray, strings: list[str | None]) -> pa.DictionaryArray:
    used = np.flatnonzero(np.bincount(codes, minlength=1))
    words = sorted(str(strings[code]) for code in used if code)
    rank = {word: index for index, word in enumerate(words)}
    position = np.zeros(len(strings), dtype=np.int32)
    for code in used:
        if code:
            position[code] = rank[str(strings[code])]
    indices = pa.array(position[codes], mask=codes == 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(words, type=pa.string()))
