"""Cross-checks against other people's code: they agree, and they tell when the study's own code is wrong."""

from dataclasses import replace

import numpy as np
import pytest
from cohorts import breast_patients, breast_study

from survival_multiverse.inference import cross_checks
from survival_multiverse.inference.cross_checks import (
    LOG_RATIO,
    PROPENSITY,
    TOLERANCE,
    compare,
    compare_with_libraries,
    fitted_models,
)
from survival_multiverse.settings.schema import Status


@pytest.fixture(scope="module")
def models():
    return list(fitted_models(breast_patients(), breast_study()))


def test_the_libraries_agree_on_every_model_of_the_primary_scenario():
    study = breast_study()
    table = compare_with_libraries(breast_patients(), study)
    assert len(table) == 1 + 3 * len(study.adjustment_sets)
    assert set(table["status"]) == {"ok"}
    assert table["agrees"].all()
    assert table["largest_relative_difference"].max() <= 1e-8
    assert set(table.loc[table["quantity"] == LOG_RATIO, "estimator"]) == {
        "unadjusted",
        "adjusted",
        "matched",
    }
    assert table.loc[table["quantity"] == PROPENSITY, "numbers"].min() >= 3


@pytest.mark.parametrize("position", range(7))
def test_a_wrong_number_is_reported_with_its_difference(models, position):
    model = models[position]
    wrong = model.coefficients.copy()
    wrong[0] *= 1.001
    found = compare(replace(model, coefficients=wrong))
    assert not found.agrees
    assert found.largest_relative_difference == pytest.approx(0.001 / 1.001, rel=1e-4)
    assert found.engine == pytest.approx(wrong[0], abs=1e-9)
    assert found.other == pytest.approx(model.coefficients[0], abs=1e-8)


def test_a_small_error_above_the_tolerance_counts(models):
    wrong = models[0].coefficients * (1 + 3 * TOLERANCE)
    assert not compare(replace(models[0], coefficients=wrong)).agrees
    assert compare(replace(models[0], coefficients=models[0].coefficients * (1 + TOLERANCE / 3))).agrees


def test_a_broken_engine_is_reported(monkeypatch):
    real = cross_checks.binary_cox
    monkeypatch.setattr(cross_checks, "binary_cox", lambda *data: (real(*data)[0] + 1e-4, *real(*data)[1:]))
    table = compare_with_libraries(breast_patients(), breast_study())
    assert set(table.loc[~table["agrees"], "estimator"]) == {"unadjusted", "matched"}


def test_what_was_not_estimated_is_not_compared(models):
    nothing = replace(models[1], coefficients=models[1].coefficients * np.nan, status=Status.SEPARATION)
    found = compare(nothing)
    assert (found.status, found.numbers, found.agrees) == (Status.SEPARATION, 0, False)
    assert np.isnan(found.largest_relative_difference)


def test_dropped_columns_are_left_out_on_both_sides():
    # The volume and a copy of it: the second column is aliased.
    study = breast_study()
    patients = breast_patients().assign(age=lambda frame: (frame["gtv"] >= 25) * 20.0 + 40.0)
    (kept,) = [
        model
        for model in fitted_models(patients, study)
        if (model.quantity, model.adjustment_set) == (PROPENSITY, "early")
    ]
    assert kept.coefficients.size == 5  # of six columns
    assert compare(kept).agrees
