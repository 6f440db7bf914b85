"""One visual language for every figure: sizes, number formats and reproducible bytes."""

import io
import math
import re
import textwrap
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.figure import Figure

from survival_multiverse.report.style.palette import GRID, INK, MUTED, PAPER
from survival_multiverse.settings.schema import Estimator

ESTIMATOR_LABELS = {str(estimator): estimator.label for estimator in Estimator}

RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.0,
    "axes.titlesize": 9.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "hatch.color": MUTED,
    "hatch.linewidth": 0.5,
    # Labels come from the user's config: a dollar sign is a dollar sign.
    "text.parse_math": False,
    # Words stay words, which can be searched and read out; a fixed salt gives equal ids in equal figures.
    "svg.fonttype": "none",
    "svg.hashsalt": "survival-multiverse",
}

SVG_FONTS = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif"
"""Fonts of words in an SVG: all narrower than that which lays the figure out, so that no word is cut."""
SMALL = 8.25
"""Least size of a figure's text in points: 11 pixels."""

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the house style without touching the caller's settings."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(RC):
            return draw(*args, **kwargs)

    return drawn


ORIGIN_NOTES = {
    "simulated": "Simulated patients: nothing here is a clinical finding.",
    "reconstructed": (
        "Reconstructed from published aggregates, not patient data: only published cutoffs are informed."
    ),
}


def mark_origin(figure: Figure, source: str) -> None:
    """Say in the figure itself that its patients are none, for it travels without the page."""
    if source in ORIGIN_NOTES:
        room = int(figure.get_figwidth() * 72 / (0.56 * SMALL))
        words = textwrap.fill(ORIGIN_NOTES[source], room)
        figure.text(1.0, -0.01, words, ha="right", va="top", fontsize=SMALL, color=MUTED)


def svg_bytes(figure: Figure) -> bytes:
    """Return the figure as SVG; equal figures give equal bytes (no date, no version, no random id)."""
    buffer = io.BytesIO()
    with mpl.rc_context(RC):
        figure.savefig(
            buffer, format="svg", dpi=200, bbox_inches="tight", metadata={"Date": None, "Creator": None}
        )
    return buffer.getvalue().replace(b"'DejaVu Sans'", SVG_FONTS.encode())


def png_bytes(figure: Figure, *, dpi: int = 200) -> bytes:
    """Return the figure as PNG; equal figures give equal bytes."""
    buffer = io.BytesIO()
    with mpl.rc_context(RC):
        figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight", metadata={"Software": None})
    return buffer.getvalue()


def display_unit(unit: str) -> str:
    """Return a unit with its power raised: ``cm3`` reads cm³."""
    return re.sub(r"(?<=[A-Za-zµ])([23])\b", lambda match: {"2": "²", "3": "³"}[match[1]], unit)


def display_label(label: str, unit: str) -> str:
    """Return the axis label with its unit in brackets."""
    return f"{label} ({display_unit(unit)})" if unit else label


def format_ratio(value: float) -> str:
    """Format a hazard ratio to two decimals, or to two digits where two decimals say nothing."""
    if not math.isfinite(value):
        return "–"
    if value >= 100 or 0 < value < 0.01:
        return f"{value:.1e}"
    return f"{value:.2f}"


def format_p(value: float) -> str:
    """Format a P value to two significant digits, never rounded across 0.05."""
    if not math.isfinite(value):
        return "–"
    if value < 0.001:
        return "<0.001"
    for digits in (3 if value < 0.1 else 2, 4, 5, 6):
        text = f"{value:.{digits}f}"
        # 0.0499 would read 0.050: it gets the digits that keep it on its side.
        if float(text) != 0.05 or value == 0.05:
            return text
    return "<0.05" if value < 0.05 else ">0.05"


def p_phrase(value: float) -> str:
    """Return ``P = 0.012`` or ``P <0.001``."""
    text = format_p(value)
    return f"P {text[0]} {text[1:]}" if text[0] in "<>" else f"P = {text}"
