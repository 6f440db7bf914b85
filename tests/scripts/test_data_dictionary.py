"""The data dictionary of the results, against what is written, and its examples."""

import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from survival_multiverse.files.parquet_files import write_table
from survival_multiverse.inference.attribution import attribute
from survival_multiverse.inference.cross_checks import Comparison
from survival_multiverse.inference.joint_inference import gates_of, infer
from survival_multiverse.inference.resampling import Resample, resampled_keys
from survival_multiverse.settings.study import Study

ROOT = Path(__file__).parents[2]
README = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
STUDY = Study.from_config(yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8")))
KEYS = resampled_keys(STUDY)


def specifications():
    """Two blocks of two specifications each, one of which has no estimate."""
    rows = [
        (5.0, dose, gtv, 0.2, "late", "matched", 0.0)
        for dose in (60.0, 63.0)
        for gtv in (100.0, 146.0)
    ]  # fmt: skip
    names = [
        "oligo_threshold",
        "dose_cutoff",
        "gtv_cutoff",
        "caliper",
        "adjustment_set",
        "estimator",
        "landmark",
    ]
    frame = pd.DataFrame(rows, columns=names).assign(population="non_oligometastatic", landmark_order=None)
    frame = frame.assign(measure="hazard_ratio", variance_between_orders=0.01)
    return frame.assign(status="ok", effect=[-0.3, -0.1, 0.1, 0.2])


def written_tables():
    """Tables of the joint inference and the attribution, from made-up draws."""
    keys = specifications()[KEYS]
    draws = np.random.default_rng(1).normal(size=(3, len(keys), len(STUDY.measures), 2)) ** 2
    tables = infer(
        keys,
        draws[0],
        dict.fromkeys(Resample, draws),
        STUDY,
        gates_of(keys, specifications(), STUDY),
    )
    return tables | {"attribution": attribute(specifications(), STUDY)}


@pytest.mark.parametrize("name", written_tables())
def test_every_column_is_in_the_dictionary(name):
    # What is said of the options, the population and the block stands above, for several tables.
    common = {*KEYS, "landmark_order"}
    (paragraph,) = re.findall(rf"^`{name}`.*?(?:\n\n|\Z)", README, re.M | re.S)
    columns = {column for column in written_tables()[name] if not column.startswith("p_") or column in KEYS}
    named = set(re.findall(r"`([^`]+)`", paragraph))
    assert columns - common <= named | common, sorted(columns - common - named)


def test_columns_of_the_cross_checks_are_in_the_dictionary():
    (paragraph,) = re.findall(r"^`cross_checks`.*?\n\n", README, re.M | re.S)
    assert {field.name for field in fields(Comparison)} <= set(re.findall(r"`([^`]+)`", paragraph))


def test_the_examples_read_the_files(tmp_path, monkeypatch):
    folder = tmp_path / "results" / "robustness"
    folder.mkdir(parents=True)
    write_table(written_tables()["joint_inference"], folder / "joint_inference.parquet")
    origin = {"data_origin": "simulated"}
    write_table(specifications(), folder / "specifications.parquet", metadata=origin)
    monkeypatch.chdir(tmp_path)
    (examples,) = re.findall(r"<!-- examples:begin -->\n(.*?)<!-- examples:end -->", README, re.S)
    found = {}
    for code in re.findall(r"```python\n(.*?)```", examples, re.S):
        exec(code, found)
    assert set(found["blocks"]["null"]) == {"permutation"}
    assert len(found["blocks"]) == 2
    assert found["matched"].num_rows == 4
    assert found["footer"] == "simulated"
    assert dict(found["medians"].fetchall()) == pytest.approx({"matched": 0.0})
    assert found["lazy"].collect().height == 4
