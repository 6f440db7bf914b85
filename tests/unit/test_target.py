"""The trial that a study emulates, and the items of TARGET: filled from the settings, gaps named."""

import copy
import re
from dataclasses import replace

import pytest
from cohorts import breast_config
from report_frames import grid, patients_study, small_config, small_study
from report_page import EVIL, evil_page
from test_delayed_entry import registry_study
from test_words import LONGEST, length, sentences

from survival_multiverse.report.tables.page_tables import page_tables
from survival_multiverse.report.words.checklists import CHECKLIST_REFERENCES, NOT_STATED
from survival_multiverse.report.words.target import PARTS, TRIAL, TRIAL_COLUMNS, target_table, trial_table
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.models import TargetTrial
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.validation import validate_config

TARGET, HERE = TRIAL_COLUMNS[1:]
GAPS = {
    (TARGET, "Eligibility"): "criteria of eligibility",
    (TARGET, "Treatment strategies"): "how treatment is given",
    (HERE, "Treatment strategies"): "dates of treatment",
    (HERE, "Time zero"): "when treatment ended",
    (TARGET, "End of follow-up"): "the date on which follow-up closes",
    (HERE, "End of follow-up"): "why patients were censored",
    (TARGET, "Outcome"): "how it is ascertained",
    (TARGET, "Causal contrast"): "intention to treat, or per protocol",
    (TARGET, "Analysis plan"): "how the trial would handle missing values",
}


def cells(study):
    table = trial_table(study).set_index("Component (items)")
    return table.rename(lambda name: name.partition(" (")[0])


def study_of(change=lambda config: None, **cohort):
    """The small study as if its patients were people, with other settings."""
    config = copy.deepcopy(small_config())
    config["cohort"] |= {"source": "file", **cohort}
    if "treatment" not in cohort:
        config["cohort"].pop("treatment", None)
    change(config)
    return Study.from_config(config)


def changed(study):
    """The cells that differ from those of the small study."""
    before, after = cells(study_of()), cells(study)
    return {(column, part) for column in (TARGET, HERE) for part in before.index
            if before.loc[part, column] != after.loc[part, column]}  # fmt: skip


CRITERIA = [
    {"variable": "age", "minimum": 18, "maximum": 75, "reason": "too young or too old"},
    {"variable": "kps", "minimum": 60, "reason": "too frail"},
    {"variable": "histology", "levels": ["squamous", "other"], "reason": "another histology"},
    {"variable": "dose", "maximum": 80, "reason": "overdosed"},
    {"variable": "response", "levels": ["yes"], "reason": "no response"},
]


def test_every_part_of_the_protocol_has_both_sides():
    table = trial_table(small_study())
    assert list(table.columns) == TRIAL_COLUMNS
    assert list(table["Component (items)"]) == [
        *("Eligibility (6a, 7a)", "Treatment strategies (6b, 7b)", "Assignment (6c, 7c)"),
        *("Time zero (6d, 7d)", "End of follow-up (6d, 7d)", "Outcome (6e, 7e)"),
        *("Causal contrast (6f, 7f)", "Assumptions (6g, 7g)", "Analysis plan (6h, 7h)"),
    ]
    assert all(table[column].str.endswith(".").all() for column in (TARGET, HERE))


def test_gaps_are_named_and_nothing_else_is():
    table = cells(study_of())
    found = {
        (column, part): table.loc[part, column]
        for column in (TARGET, HERE)
        for part in table.index
        if NOT_STATED in table.loc[part, column]
    }
    assert found.keys() == GAPS.keys()
    assert all(f"{NOT_STATED}: {gap}" in found[place] for place, gap in GAPS.items())


def test_criteria_of_eligibility_fill_both_sides_and_those_known_late_are_named():
    study = study_of(eligibility=CRITERIA)
    table = cells(study)
    words = (
        "Age 18 years to 75 years; Karnofsky score 60 or more; Histology squamous or other; "
        "Thoracic radiation dose 80 Gy or less; Response to chemotherapy yes."
    )
    assert table.loc["Eligibility", TARGET] == f"Patients with ≥5 lesions. At assignment they meet: {words}"
    here = table.loc["Eligibility", HERE]
    assert words in here
    assert "Known only after time zero: Thoracic radiation dose; Response to chemotherapy." in here
    assert changed(study) == {(TARGET, "Eligibility"), (HERE, "Eligibility")}


def test_each_setting_changes_its_own_cells():
    def with_(section, **values):
        return lambda config: config[section].update(values)

    strategies = {(TARGET, "Treatment strategies"), (HERE, "Treatment strategies")}
    dose = study_of(lambda config: config["study"]["primary"].update(dose_cutoff=60))
    assert changed(dose) == strategies
    assert "≥60 Gy, or thoracic radiation dose <60 Gy" in cells(dose).loc["Treatment strategies", TARGET]
    assert "other trials: ≥63 Gy." in cells(dose).loc["Treatment strategies", HERE]
    landmarks = study_of(with_("analysis", landmarks=[]))
    assert changed(landmarks) == {(HERE, "Time zero")}
    assert cells(landmarks).loc["Time zero", HERE].endswith(f"{NOT_STATED}: landmarks.")
    horizon = study_of(with_("analysis", rmst_horizon=18))
    assert changed(horizon) == {(HERE, "End of follow-up"), (TARGET, "Causal contrast")}
    level = study_of(with_("analysis", confidence_level=0.9))
    assert changed(level) == {(TARGET, "Analysis plan")}
    assert "90% intervals" in cells(level).loc["Analysis plan", TARGET]
    gaps = study_of(missing_values="refuse")
    assert changed(gaps) == {(HERE, "Analysis plan")}
    event = {"column": "recurred", "label": "Recurrence", "plural": "recurrences"}
    assert changed(study_of(event=event)) == {
        (TARGET, "End of follow-up"), (HERE, "End of follow-up"), (TARGET, "Outcome"), (HERE, "Outcome"),
    }  # fmt: skip
    chosen = study_of(with_("study", adjustment_set="baseline_only"))
    assert changed(chosen) == {(HERE, "Assignment")}
    assert "“Baseline only”, it is taken as random: Karnofsky score;" in cells(chosen).loc["Assignment", HERE]


def test_an_option_of_the_primary_scenario_changes_the_trial():
    def endpoint(config):
        config["decisions"]["endpoint"] = {
            "type": "non_equivalent",
            "options": [
                {"value": "recurrence", "endpoint": {"time": "months_to_recurrence", "event": "recurred",
                                                     "label": "Time to recurrence", "plural": "recurrences"}},
                {"value": "death"},
            ],
        }  # fmt: skip

    table = cells(study_of(endpoint))
    assert table.loc["Outcome", TARGET].startswith("Time to recurrence, counted from assignment in months.")
    assert "Other outcomes: the decision on endpoint." in table.loc["Outcome", HERE]
    assert "survival_months" not in table.loc["Outcome", HERE]
    assert table.loc["End of follow-up", TARGET].startswith("One of the recurrences,")


@pytest.mark.parametrize("name", PARTS)
def test_a_text_of_the_study_replaces_what_is_said_of_the_trial(name):
    study = study_of(lambda config: config["study"].update(target_trial={name: "As the protocol says."}))
    assert changed(study) == {(TARGET, PARTS[name][1])}
    assert cells(study).loc[PARTS[name][1], TARGET] == "As the protocol says."


def test_the_keys_of_the_settings_are_the_parts_of_the_table():
    assert list(TargetTrial.model_fields) == list(PARTS)
    config = small_config()
    config["study"]["target_trial"] = {"eligibilty": "all"}
    with pytest.raises(InputError, match="did you mean `eligibility`"):
        validate_config(config)


def test_a_reconstructed_study_says_that_assignment_and_time_zero_cannot_be_aligned():
    table = cells(small_study())
    assert "reconstructed from published numbers" in table.loc["Assignment", HERE]
    here = table.loc["Time zero", HERE]
    assert (
        "reconstructed from published numbers, without times of treatment: time zero and assignment" in here
    )
    assert "immortal time: Chemotherapy cycles; Response to chemotherapy; Karnofsky score after treat" in here
    assert "reconstructed" not in " ".join(cells(patients_study())[HERE])


def test_delayed_entry_is_part_of_time_zero():
    here = cells(registry_study()).loc["Time zero", HERE]
    assert "at risk: “" in here
    assert "Who had the event before it was never seen." in here
    assert "start of treatment" not in here


def test_a_study_without_a_count_is_about_all_patients():
    assert cells(replace(small_study(), lesions=None)).loc["Eligibility", TARGET].startswith("All patients.")


def test_the_items_are_those_of_the_statement_in_its_order():
    table = target_table(small_study(), {"specifications": grid()})
    numbers = [int(re.match(r"\d+", item)[0]) for item in table["Item"]]
    assert sorted(set(numbers)) == list(range(1, 22))
    assert numbers == sorted(numbers)
    answers = table.set_index("Item")["Answer"]
    assert answers["3"] == "thoracic radiation dose ≥63 Gy against <63 Gy, in patients with ≥5 lesions"
    assert answers["14"].startswith(f"{len(grid())} analyses")
    assert answers["6a–6h"] == f"“{TRIAL}”; 6 of 9 parts name a gap"
    assert answers["7a–7h"] == f"“{TRIAL}”; 2 of 9 parts name a gap"
    whole = dict.fromkeys(PARTS, "As the protocol says.")
    study = study_of(lambda config: config["study"].update(target_trial=whole))
    answers = target_table(study, {"specifications": grid()}).set_index("Item")["Answer"]
    assert answers["6a–6h"] == f"“{TRIAL}”; 0 of 9 parts name a gap"


@pytest.mark.parametrize(
    "study",
    [small_study(), patients_study(), study_of(eligibility=CRITERIA), registry_study(),
     Study.from_config(breast_config())],
)  # fmt: skip
def test_its_sentences_are_short(study):
    texts = [text for column in (TARGET, HERE) for text in trial_table(study)[column]]
    texts += list(target_table(study, {"specifications": grid()})["Answer"])
    assert [part for text in texts for part in sentences(text) if length(part) > LONGEST] == []


def test_the_page_has_both_tables_and_the_statement_as_a_reference():
    page = evil_page()
    for name in ("target_trial", "target"):
        assert page_tables(page.study, page.tables)[name].prose
        assert f'data-table="{name}"' in page.html
    assert TRIAL in page.html
    assert EVIL not in page.html
    (reference,) = (entry for entry in CHECKLIST_REFERENCES if entry.startswith("Cashin"))
    assert reference in page.html


def test_the_tables_that_answer_items_are_on_the_page():
    named = set(
        re.findall(r"“([^”]+)”", " ".join(target_table(small_study(), {"specifications": grid()})["Answer"]))
    )
    html = evil_page().html
    assert {name for name in named if name not in html} == set()
