"""The target trial that a study emulates, and the items of TARGET (Cashin et al. 2025), from the settings."""

from collections.abc import Mapping

import pandas as pd

from survival_multiverse.report.words.checklists import AUTHORS, NOT_STATED
from survival_multiverse.report.words.decisions import whom
from survival_multiverse.report.words.labels import arm_labels, of_arm
from survival_multiverse.report.words.narrative import origin
from survival_multiverse.report.words.target_trial import emulation, horizon, trial
from survival_multiverse.settings.study import Study

TRIAL_COLUMNS = ["Component (items)", "Target trial", "Emulation in this study"]
TARGET_COLUMNS = ["Item", "TARGET", "Answer"]
TRIAL = "The trial that is emulated"
"""Title of the table."""
PARTS = {
    "eligibility": ("6a, 7a", "Eligibility"),
    "strategies": ("6b, 7b", "Treatment strategies"),
    "assignment": ("6c, 7c", "Assignment"),
    "time_zero": ("6d, 7d", "Time zero"),
    "end_of_follow_up": ("6d, 7d", "End of follow-up"),
    "outcome": ("6e, 7e", "Outcome"),
    "contrast": ("6f, 7f", "Causal contrast"),
    "assumptions": ("6g, 7g", "Assumptions"),
    "analysis": ("6h, 7h", "Analysis plan"),
}
"""Items and names of the parts of a trial, by the key of `study.target_trial`."""


def trial_table(study: Study) -> pd.DataFrame:
    """Return the protocol of the target trial beside its emulation, by items 6 and 7 of TARGET.

    Parameters
    ----------
    study
        Its `target_trial` replaces what the settings say of the trial.

    Returns
    -------
    pandas.DataFrame
        `TRIAL_COLUMNS`; a gap begins with `NOT_STATED`.
    """
    planned, done = trial(study), emulation(study)
    rows = [(f"{part} ({item})", planned[name], done[name]) for name, (item, part) in PARTS.items()]
    return pd.DataFrame(rows, columns=TRIAL_COLUMNS)


def target_table(study: Study, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the items of TARGET, where the page answers each, and what it leaves to the authors.

    Parameters
    ----------
    study
        Settings.
    tables
        Of the page; `specifications` is counted.

    Returns
    -------
    pandas.DataFrame
        `TARGET_COLUMNS`.
    """
    protocol = trial_table(study)
    low, high = arm_labels(study)
    count = len(tables["specifications"])
    data = origin(study)[0]
    rows = [
        ("1a", "Abstract: an emulation, its aims, the trial in short", AUTHORS),
        ("1b", "Abstract: where the data come from", data),
        ("1c", "Abstract: assumptions, methods, findings", f"“The answer”, and “{TRIAL}”"),
        ("2", "What is known, and what is not", AUTHORS),
        ("3", "The causal question", f"{of_arm(study, high)} against {low}, in {whom(study)}"),
        ("4", "Why a trial is emulated; trials it follows", AUTHORS),
        ("5", "Data: first purpose, kind, place, period, links", f"{data}; the rest, {AUTHORS}"),
        ("6a–6h", "Protocol of the target trial", _filled(protocol, "Target trial")),
        ("7a–7h", "How each part was emulated", _filled(protocol, "Emulation in this study")),
        ("8", "Numbers assessed, eligible and in each strategy", "Flow of patients; “Patients by arm”"),
        ("9", "Patients at baseline, by strategy", "“Patients by arm”"),
        ("10", "Follow-up and why it ended, by strategy", f"“Follow-up”, by arm; why it ended, {AUTHORS}"),
        ("11", "Missing values, by strategy", "“Missing values”, by variable and not by strategy"),
        ("12", "Outcomes, by strategy", "“Survival by arm”"),
        ("13", "Effects, relative and absolute, with precision", "Hazard ratios and differences in "
         f"restricted means up to {horizon(study)}, with intervals"),
        ("14", "Results of the sensitivity analyses", f"{count:,} analyses, on this page or in their files"),
        ("15", "Interpretation in view of the question", f"The claim at the head; more {AUTHORS}"),
        ("16", "Limitations: trial and emulation, assumptions", "“What the evidence can’t say”, and the gaps "
         f"named in “{TRIAL}”"),
        ("17", "Ethics", AUTHORS),
        ("18", "Registration of the protocol", AUTHORS),
        ("19", "Access to data, code and materials", f"Software and digests; how to get them, {AUTHORS}"),
        ("20", "Funding", AUTHORS),
        ("21", "Conflicts of interest", AUTHORS),
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=TARGET_COLUMNS)


def _filled(protocol: pd.DataFrame, column: str) -> str:
    """Say where the trial is described, and how many of its parts have gaps."""
    gaps = int(protocol[column].str.contains(NOT_STATED, regex=False).sum())
    return f"“{TRIAL}”; {gaps} of {len(protocol)} parts name a gap"
