"""The first picture of README.md, against the rows beside it and the code that draws it."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from report_frames import grid, small_study

from survival_multiverse.cli import documents
from survival_multiverse.cli.documents import PICTURE, PICTURE_ROWS, main
from survival_multiverse.report.charts.first_picture import (
    picture_digest,
    picture_rows,
    picture_spec,
    picture_specifications,
)
from survival_multiverse.report.words.claim import claim, hero_alternative, strips
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.study import Study

ROOT = Path(__file__).parents[2]
STUDY = Study.from_config(yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8")))


def test_the_picture_is_drawn_of_the_rows_beside_it_by_the_code_of_today():
    spec = picture_spec(pd.read_csv(ROOT / PICTURE_ROWS), STUDY)
    svg = (ROOT / PICTURE).read_text(encoding="utf-8")
    assert f"<metadata>{picture_digest(spec)}</metadata>" in svg, "run make picture"
    assert "var(--" not in svg
    assert len(svg) < 150_000


def test_the_picture_prints_the_medians_of_the_claim():
    found = picture_specifications(pd.read_csv(ROOT / PICTURE_ROWS), STUDY)
    svg = (ROOT / PICTURE).read_text(encoding="utf-8")
    printed = set(re.findall(r">(\d\.\d\d)<", svg))
    medians = [summary.median for by_name in strips(found, STUDY).values() for summary in by_name.values()]
    assert {f"{median:.2f}" for median in medians} <= printed
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.index(claim(found, STUDY)) < readme.index(PICTURE) < readme.index("not a clinical finding")
    assert readme.index("not a clinical finding") < 3000


def test_kept_rows_say_what_the_study_says():
    rows = picture_rows(grid(), small_study())
    again = picture_specifications(rows, small_study())
    assert claim(again, small_study()) == claim(grid(), small_study())
    assert hero_alternative(again, small_study()) == hero_alternative(grid(), small_study())
    assert picture_rows(again, small_study()).equals(rows)


def test_the_digest_follows_the_rows_and_the_settings():
    rows = picture_rows(grid(), small_study())
    first = picture_digest(picture_spec(rows, small_study()))
    assert picture_digest(picture_spec(rows, small_study())) == first
    assert picture_digest(picture_spec(rows.assign(estimate=0.9), small_study())) != first


def test_only_the_default_study_is_pictured(tmp_path):
    with pytest.raises(InputError, match="no study has run there"):
        main(["--picture", str(tmp_path)])
    results = tmp_path / "results" / "robustness"
    results.mkdir(parents=True)
    grid().to_parquet(results / "specifications.parquet")
    with pytest.raises(InputError, match="not of the default study"):
        main(["--picture", str(tmp_path)])


def test_a_run_of_the_default_study_gives_the_picture_its_rows(tmp_path, monkeypatch):
    found = picture_specifications(pd.read_csv(ROOT / PICTURE_ROWS), STUDY)
    results = tmp_path / "results" / "robustness"
    results.mkdir(parents=True)
    found.to_parquet(results / "specifications.parquet")
    monkeypatch.setattr(documents, "release_table", lambda name, rows, **_: rows)
    monkeypatch.setattr(documents, "WORKFLOW_ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "config").symlink_to(ROOT / "config")
    documents.keep_picture_rows(tmp_path)
    assert (tmp_path / PICTURE_ROWS).read_bytes() == (ROOT / PICTURE_ROWS).read_bytes()
