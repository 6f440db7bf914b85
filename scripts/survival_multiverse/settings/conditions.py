"""Conditions in a configuration, ``age >= 18 and site != elsewhere``: which patients or options meet them."""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, Any, TypeVar

from survival_multiverse.settings.condition_grammar import (
    NUMBER,
    ORDER,
    Comparison,
    ConditionError,
    Literal,
    Node,
    read,
)
from survival_multiverse.settings.values import level_text, option_number

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Column", "Condition", "ConditionError", "parse"]

MOST_CHARACTERS = 1000
FALSE, UNKNOWN, TRUE = 0, 1, 2
"""In this order ``and`` is the minimum and ``or`` the maximum: Kleene's logic (1952)."""
AtLeast = Callable[["np.ndarray", float], "np.ndarray"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """Values of n patients: numbers, texts or both.

    Attributes
    ----------
    numbers : float64 array, shape (n,), or None
        NaN is a gap; None if the column is text.
    texts : object array of str, shape (n,), or None
        None is a gap; where there are texts they decide what is one.
    """

    numbers: "np.ndarray | None" = None
    texts: "np.ndarray | None" = None

    @property
    def gaps(self) -> "np.ndarray":
        """Return the mask of the cells without a value, shape (n,)."""
        import numpy as np

        if self.texts is None:
            return np.isnan(np.asarray(self.numbers))
        return np.array([text is None for text in self.texts], dtype=bool)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as `parse` reads it; ``str`` gives its canonical text, without ``not (...)``."""

    tree: Node

    def __str__(self) -> str:
        return str(self.tree)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names in order of appearance, once each."""
        return tuple(dict.fromkeys(test.name for test in _comparisons(self.tree)))

    @property
    def compared(self) -> Mapping[str, tuple[Literal, ...]]:
        """Return by name the literals that it is compared with for equality, once each."""
        equalities = [test for test in _comparisons(self.tree) if test.relation in ("==", "!=")]
        literals: dict[str, tuple[Literal, ...]] = {test.name: () for test in equalities}
        for test in equalities:
            literals[test.name] += test.literals
        return {name: tuple(dict.fromkeys(several)) for name, several in literals.items()}

    @property
    def ordered(self) -> tuple[str, ...]:
        """Return the names that are compared by order, and so need numbers, once each."""
        return tuple(dict.fromkeys(test.name for test in _comparisons(self.tree) if test.relation in ORDER))

    def holds(self, values: Mapping[str, Literal]) -> bool:
        """Return whether plain values meet the condition.

        Numbers are compared to 15 digits. The text of a number is the number, ``none`` infinity, NaN a gap,
        True the text ``true``. A name without a value is a KeyError, a text that is compared by order a
        `ConditionError`, whatever the other values are.
        """
        plain = {name: _plain(values[name]) for name in self.names}
        for name in self.ordered:
            if isinstance(plain[name], str):
                raise _no_order(name, f'"{plain[name]}"')
        return _fold(self.tree, lambda test: _stands(test, plain[test.name]), min, max) == TRUE

    def evaluate(self, columns: Mapping[str, Column], at_least: AtLeast | None = None) -> "np.ndarray":
        """Return who meets the condition, int8, shape (n,): 1 does, 0 does not, -1 is not known for a gap.

        Parameters
        ----------
        columns : mapping of Column
            By name, of one length.
        at_least : callable, optional
            ``at_least(values, limit)`` gives the mask of the values at or above a limit, and so decides every
            order and the equality of numbers. Both are exact without it.

        Raises
        ------
        KeyError
            A name is not in `columns`.
        ConditionError
            A column without numbers is compared by order.
        """
        import numpy as np

        reach: AtLeast = np.greater_equal if at_least is None else at_least

        def leaf(test: Comparison) -> "np.ndarray":
            return _standing(test, columns[test.name], reach)

        return np.array([0, -1, 1], dtype=np.int8)[_fold(self.tree, leaf, np.minimum, np.maximum)]


@lru_cache(maxsize=1024)
def parse(text: str) -> Condition:
    """Return the condition that a text says; a `ConditionError` if it says none."""
    _refuse_long("", text)
    condition = Condition(read(text))
    # The canonical text must be readable, too.
    _refuse_long(", written with spaces and without chains,", str(condition))
    return condition


def _refuse_long(how: str, text: str) -> None:
    if len(text) > MOST_CHARACTERS:
        most = f"{MOST_CHARACTERS:,} are the most; shorten it"
        raise ConditionError(f"the condition{how} has {len(text):,} characters where {most}")


def _fold(node: Node, leaf: Callable[[Comparison], T], both: Callable[..., T], either: Callable[..., T]) -> T:
    """Return what `leaf` makes of the comparisons, joined by `both` for ``and`` and `either` for ``or``."""
    if isinstance(node, Comparison):
        return leaf(node)
    parts = (_fold(part, leaf, both, either) for part in node.parts)
    return reduce(both if node.word == "and" else either, parts)


def _comparisons(node: Node) -> tuple[Comparison, ...]:
    return _fold(node, lambda test: (test,), operator.add, operator.add)


def _no_order(name: str, what: str) -> ConditionError:
    return ConditionError(f"`{name}` is {what}, and < <= > >= need a number; use ==, != or in")


def _plain(value: Literal) -> Literal:
    """Return the number, to 15 digits, that a value is or says, or else its text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value != "none" and not NUMBER.fullmatch(value):
        return value
    return float(f"{option_number(value):.15g}")


def _stands(test: Comparison, value: Any) -> int:
    gap = value != value
    if not test.literals:
        met = gap == (test.relation == "missing")
    elif test.relation in ORDER:
        met = ORDER[test.relation](value, test.literals[0])
    else:
        met = (value in map(_plain, test.literals)) == (test.relation == "==")
    return UNKNOWN if gap and test.literals else TRUE * met


def _standing(test: Comparison, column: Column, at_least: AtLeast) -> "np.ndarray":
    import numpy as np

    gaps, relation = column.gaps, test.relation
    if not test.literals:
        return TRUE * (gaps == (relation == "missing"))
    if relation not in ORDER:
        equal = np.any([_equal(column, literal, at_least) for literal in test.literals], axis=0)
        return np.where(gaps, UNKNOWN, TRUE * (equal == (relation == "==")))
    numbers, limit = column.numbers, option_number(test.literals[0])
    if numbers is None:
        raise _no_order(test.name, "a text")
    reached = at_least(numbers, limit) if relation in (">=", "<") else at_least(-numbers, -limit)
    return np.where(np.isnan(numbers), UNKNOWN, TRUE * (reached == (relation in (">=", "<="))))


def _equal(column: Column, literal: Literal, at_least: AtLeast) -> "np.ndarray":
    """Return the mask of the cells that hold the number of a literal, or its text."""
    import numpy as np

    numbers, number = column.numbers, _plain(literal)
    equal = np.zeros_like(column.gaps)
    if column.texts is not None:
        equal = np.equal(column.texts, level_text(literal)).astype(bool)
    if numbers is not None and not isinstance(number, str):
        equal |= at_least(numbers, number) & at_least(-numbers, -number)
    return equal
