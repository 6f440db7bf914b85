"""What the page says where patients enter late, and that it is silent elsewhere."""

from dataclasses import replace

import pandas as pd
import pytest
from report_frames import grid, patients_study
from test_delayed_entry import registry_config, registry_study
from test_words import too_long

from survival_multiverse.report.words.answer import silence
from survival_multiverse.report.words.captions import caption
from survival_multiverse.report.words.checklists import propensity_table
from survival_multiverse.report.words.delayed_entry import (
    delayed_entry,
    no_bounds,
    no_search,
    rising_numbers,
    unseen,
)
from survival_multiverse.report.words.figure_names import DOSE, PREFIX
from survival_multiverse.report.words.methods import methods
from survival_multiverse.settings.study import Study

WORDS = (delayed_entry, unseen, rising_numbers, no_search)


@pytest.fixture
def seen():
    """The same study, everybody under observation from time 0."""
    config = registry_config()
    del config["cohort"]["entry"]
    return Study.from_config(config)


def reading(study):
    return caption(f"{PREFIX}{DOSE}", pd.DataFrame(), study).reading


def test_it_is_said_in_the_methods_the_answer_and_the_captions():
    late = registry_study()
    assert "Entry into the registry" in dict(methods(late))["Delayed entry"]
    assert unseen(late) in silence(late)
    assert rising_numbers(late) in reading(late)
    assert "not defined with delayed entry" in no_bounds(late)


def test_other_studies_say_nothing_of_it(seen):
    assert [word(seen) for word in WORDS] == [""] * len(WORDS)
    assert "Delayed entry" not in dict(methods(seen))
    assert "can rise" not in reading(seen)
    assert no_bounds(seen) == "A dash: chance alone explains the difference within pairs."


def test_checklists_name_no_bounds_that_are_not_defined():
    def hidden(study):
        table = propensity_table(study, grid()).set_index("Item (Yao et al. 2017)")["What was done"]
        return table["Sensitivity to unmeasured confounding"]

    assert hidden(patients_study()) == "E-values and Rosenbaum bounds"
    assert hidden(replace(patients_study(), entry=registry_study().entry)) == "E-values"


def test_its_sentences_are_short():
    late = registry_study()
    assert too_long([word(late) for word in (*WORDS, no_bounds)]) == []
