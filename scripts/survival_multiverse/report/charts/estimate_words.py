"""Estimates of a measure inside charts: titles of axes, lines of tooltips, numbers in expressions."""

import textwrap

from survival_multiverse.report.charts.theme import Spec, tip
from survival_multiverse.report.words.measures import MeasureWords

LETTER = 6.2
"""Width of a letter of an axis title, in pixels."""


def axis_title(words: MeasureWords, room: int) -> str | list[str]:
    """Return the measure as the title of an axis of so many pixels: in several lines if it is too long."""
    lines = textwrap.wrap(words.titled, max(12, int(room / LETTER)))
    return words.titled if len(lines) == 1 else lines


def row_titles(words: MeasureWords) -> tuple[str | None, str | None]:
    """Return titles for rows of small charts: that of each axis, and that of all rows if its name is long."""
    return (words.titled, None) if words.measure.ratio else (None, words.titled)


def interval_tips(words: MeasureWords, *, upper: str = "to") -> list[Spec]:
    """Return the lines of a tooltip that hold an estimate and its limits."""
    # A percentage says its unit itself.
    title = words.heading if words.form.endswith("%") else words.titled
    numbers = {"estimate": title, "ci_lower": "CI from", "ci_upper": upper}
    return [tip(name, label, words.form) for name, label in numbers.items()]


def number(words: MeasureWords, value: str) -> str:
    """Return the expression that writes the estimate `value`, itself an expression, without its unit."""
    if words.measure.ratio:
        return f"format({value}, '.{words.digits}f')"
    scaled = value if words.measure.scale == 1 else f"{words.measure.scale:g} * {value}"
    # What rounds to nothing has no sign.
    least = 0.5 * 10.0**-words.digits
    return f"(abs({scaled}) < {least:g} ? '{0:.{words.digits}f}' : format({scaled}, '+.{words.digits}f'))"


def varying(words: MeasureWords) -> str:
    """Return what choices move in few words, for captions."""
    return words.spread if words.measure.ratio else words.noun
