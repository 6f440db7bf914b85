"""What the files of a paper may hold, typed: its numbers, their contradictions, and the recipe of a fit."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from survival_multiverse.settings.fields import (
    BORROWING,
    GROUP,
    STAGE,
    Group,
    Names,
    Positive,
    Share,
    Text,
    Whole,
    key,
)

Move = Literal[
    "swap_times",
    "shift_time",
    "swap_events",
    "swap_labels",
    "swap_in_both_arms",
    "swap_in_pairs",
    "change_label",
]


class PublishedNumber(Group):
    """A number that the paper prints; cells are text, as in the CSV file."""

    id: str = key(pattern="^[A-Za-z0-9_]+$")
    """Unlike every other."""
    source: Text
    """Table or section that prints it."""
    cohort: Text
    """Whom it is about, by name in the description."""
    variable: Text
    """What it is about; a variable of the description or a name of its own."""
    level: str
    """Level of the variable, `overall` for a test, `a_vs_b` for a contrast, `total` for everybody."""
    within: str = key(pattern="^(|[A-Za-z0-9_]+=[A-Za-z0-9_]+)$")
    """Column of a count: `variable=level`; empty = all."""
    time: str = key(pattern="^[0-9.]*$")
    """Time of a survival rate, landmark of a test; empty = none."""
    statistic: Text
    """What the number is."""
    relation: Literal["=", "<"]
    """`<` where the paper prints an upper limit, such as P < 0.001."""
    value: str = key(pattern="^-?[0-9]+([.][0-9]+)?$")
    """As printed, without sign of relation."""
    decimals: str = key(pattern="^[0-9]$")
    """How many decimals are printed."""
    denominator: str = key(pattern="^[0-9]*$")
    """Of a percentage."""
    scored: Literal["yes", "no"]
    """Whether a cohort can reproduce it; a definition can not be."""
    note: str
    """A remark."""


class Contradiction(Group):
    """Where published numbers contradict each other; cells are text, as in the CSV file."""

    contradiction: str = key(pattern="^[a-z0-9_]+$")
    """Its name."""
    certainty: Literal["certain", "inferred", "likely", "weak", "remark"]
    """certain: no true values print like this."""
    ids: Text
    """The numbers concerned, joined by `;`."""
    what_is_wrong: Text
    """What is wrong."""
    arithmetic: str
    """The sum behind it."""
    likely_right_value: str
    """The value that is likely right."""
    evidence: str
    """What speaks for it."""
    set_aside: str
    """Ids of numbers that provably cannot hold beside the others; scored apart."""
    fitted: str
    """`id=value` that a reconstruction aims at instead, joined by `;`; no value: at nothing."""


class TimeGrid(Group):
    """The grid of the survival times."""

    step: Positive = key(unit="of the survival time")
    """Width of a step."""
    first: Whole = key(unit="steps")
    """Shortest time."""
    last: Whole = key(unit="steps")
    """Longest time."""


class VariableSettings(Group):
    """A variable in levels, and the canonical column that holds it."""

    levels: Names = key(min_length=2, max_length=4)
    """Levels in ascending order."""
    column: str = key("", otherwise="none")
    """Canonical column; without one, only the fit knows the variable."""
    cut: float | None = key(None, otherwise="none")
    """Lowest number of the second level."""
    texts: Names = key((), otherwise="none")
    """Categories of the column in the order of the levels."""
    default: str | None = key(None, otherwise="any")
    """Level of patients of whom nothing is printed."""


class ViewSettings(Group):
    """A variable as far as it was recorded."""

    variable: str
    """The variable."""
    known: str
    """The variable whose second level means recorded."""
    used_by: Names = key((), otherwise="none")
    """Patterns of ids."""


class MatchingCells(Group):
    """Cells of equal values in which patients are matched."""

    cohort: str
    """Whose patients."""
    variables: Names
    """Variables of equal values."""
    pairs: Whole
    """How many pairs they allow."""


class Marks(Group):
    """A cohort in which a variable is known by counts alone."""

    cohort: str
    """The cohort that the counts are printed for."""
    living: str | None = key(None, otherwise="none")
    """The level of the living."""


class Window(Group):
    """A window of survival."""

    later_than: float | None = key(None, otherwise="no limit", unit="of the survival time")
    """Times above it."""
    up_to: float | None = key(None, otherwise="no limit", unit="of the survival time")
    """Times at or below it."""
    living: bool = True
    """Whether they may be alive."""


Windows = Annotated[tuple[Window, ...], Field(min_length=1)]


class StageSettings(Group):
    """A stage of a fit."""

    name: str
    """What the progress bar calls it."""
    labels: Names = key((), otherwise="none")
    """Variables that change."""
    each: Names | None = key(None, otherwise="none")
    """Variables that change, and count, one after the other."""
    also: dict[str, Names] = key({}, otherwise="nothing")
    """What changes with a variable of `each`."""
    cohort: str | None = key(None, otherwise="everybody")
    """Whose labels and times change."""
    survivors: Windows | None = key(None, otherwise="everybody")
    """Whose labels change: those of the cohort within any of these windows."""
    times: Windows = key((), otherwise="nobody")
    """Whose times and events change: those of the cohort within any of these windows. Where follow-up does
    not count, the living keep theirs and only change places."""
    same: Names = key((), otherwise="none")
    """Variables that two who exchange another label share."""
    same_times: Names = key((), otherwise="none")
    """Variables that two who exchange times share."""
    moves: dict[Move, Positive]
    """How often each kind of move is tried."""
    numbers: Names
    """Statistics that count; `cox_se` is what two limits imply, `pairs` the matching's."""
    about: Names | None = key(None, otherwise="all")
    """Variables whose numbers count, `""` those of everybody."""
    cohorts: Names | None = key(None, otherwise="all")
    """Cohorts whose numbers count."""
    zoned: Share = 0
    """Share of exchanges between patients who outlived the same printed times."""
    hot: Positive = 30
    """Temperature at first."""
    cold: Positive = 0.3
    """Temperature at last."""
    miss: float = key(0, ge=0)
    """Cost of any number outside its rounding, beside its distance."""
    steps: Whole = key(ge=1)
    """Moves that are tried."""


class BorrowingSettings(Group):
    """Labels of a cohort drawn from those of another, each by itself."""

    name: str
    """What the progress bar calls it."""
    cohort: str
    """Whose labels are drawn."""
    like: str
    """From whose."""
    labels: Names
    """Variables that are drawn."""


class GroupSettings(Group):
    """Stages that are run several times; the end with the lowest loss is kept."""

    tries: Whole = key(ge=1)
    """How many times."""
    stages: "Stages"
    """Stages in order."""


def _kind(value: Any) -> str:
    given = value if isinstance(value, Mapping) else {}
    if "stages" in given or "tries" in given:
        return GROUP
    return BORROWING if "like" in given else STAGE


Entry = Annotated[
    Annotated[GroupSettings, Tag(GROUP)]
    | Annotated[BorrowingSettings, Tag(BORROWING)]
    | Annotated[StageSettings, Tag(STAGE)],
    Discriminator(_kind),
]
Stages = Annotated[tuple[Entry, ...], Field(min_length=1)]


class PaperSettings(Group):
    """What the published numbers of a paper are about, and how a cohort is fitted to them."""

    model_config = ConfigDict(title="What published numbers are about")

    seed: Whole
    """Decides the initial state of all cohorts, and the committed one."""
    time: TimeGrid
    """Grid of the survival times."""
    arm: str
    """The variable whose second level is the arm of interest."""
    pairs: str = key("", otherwise="none")
    """The variable whose second level is the matched cohort."""
    variables: dict[str, VariableSettings] = key(min_length=1)
    """Each variable with its levels, and the canonical column that holds it."""
    views: dict[str, ViewSettings] = key({}, otherwise="none")
    """A variable as far as it was recorded, and the numbers that use it so."""
    cohorts: dict[str, Annotated[dict[str, str], Field(max_length=4)]] = key(min_length=1)
    """Levels that everybody in a cohort has."""
    models: dict[str, Annotated[Names, Field(max_length=8)]] = key({}, otherwise="none")
    """Covariates of the Cox model of a cohort."""
    matching: MatchingCells | None = key(None, otherwise="none")
    """Cells of equal values in which patients are matched, and how many pairs they allow."""
    unions: dict[str, dict[str, Names]] = key({}, otherwise="none")
    """Levels that stand for several."""
    labels: dict[str, str] = key({}, otherwise="their names")
    """What cohorts, variables and levels are called in words."""
    marks: dict[str, tuple[Marks, ...]] = key({}, otherwise="none")
    """Variables known by counts alone, the cohorts that they are printed for, and the level of the living."""
    exact: dict[str, dict[str, dict[str, Any]]]
    """How exact values within a level are drawn, by variable and level."""
    inferred: tuple[dict[str, Any], ...] = key((), otherwise="none")
    """Sizes that are not printed but follow."""
    initial_state: Stages
    """Stages in order, by the paper's seed: what all cohorts start from."""
    fit: Stages
    """Further stages, by the seed of each cohort."""
