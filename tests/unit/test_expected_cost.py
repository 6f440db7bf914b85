"""What a run is told to cost: the number of scenarios, and more for more of them."""

import re
from pathlib import Path

import pytest

from survival_multiverse.files.config_files import merged_config
from survival_multiverse.files.expected_cost import cost_words

CONFIG = Path(__file__).parents[2] / "config"


def words(*examples):
    return cost_words(
        merged_config([CONFIG / "config.yaml", *(CONFIG / "examples" / name for name in examples)], {})
    )


@pytest.mark.parametrize(
    ("examples", "told"),
    [
        ([], "576 scenarios:"),
        (["lung_weight_loss.yaml"], "12 scenarios:"),
        (["breast_gbsg2.yaml", "breast_six_decisions.yaml"], "48 scenarios:"),
        (["breast_gbsg2.yaml", "breast_sampled.yaml"], "60 of 7,776 scenarios:"),
    ],
)
def test_scenarios_are_counted(examples, told):
    assert words(*examples).startswith(told)


def test_more_scenarios_cost_more():
    few, many = (
        int(re.search(r"([\d,]+) MB", text)[1]) for text in (words("lung_weight_loss.yaml"), words())
    )
    assert few < many
