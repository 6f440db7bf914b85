"""A cohort out of published numbers: another paper's, made up for the test, by the same code."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from papers import SETTINGS, printed_numbers, true_cohort

from survival_multiverse.estimators.cox import cox
from survival_multiverse.files.paper_files import read_numbers
from survival_multiverse.paper.ensemble import summarise_ensemble
from survival_multiverse.paper.paper_models import PaperSettings, StageSettings
from survival_multiverse.paper.published import read_description, read_published
from survival_multiverse.paper.reconstructed_patients import paper_cohort, patient_table, with_dose_response
from survival_multiverse.paper.reconstruction import (
    State,
    count_stages,
    initial_state,
    losses,
    own_generator,
    reconstruct,
    run_stage,
)
from survival_multiverse.paper.reconstruction_targets import compile_targets, total_patients
from survival_multiverse.paper.reproduction import WITHIN, PaperCohort, reproduce
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.form_faults import form_faults

# Their kernels take long to compile, and are not among those that a study needs.
pytestmark = pytest.mark.slow

PAPER = read_description(SETTINGS)


@cache
def table() -> pd.DataFrame:
    return read_published(printed_numbers())


@cache
def fitted(seed: int = 3) -> State:
    targets = compile_targets(table(), PAPER)
    return reconstruct(initial(), targets, PAPER, SETTINGS["fit"], own_generator(seed))


def initial() -> State:
    targets = compile_targets(table(), PAPER)
    return initial_state(targets, PAPER, SETTINGS["initial_state"], patients=total_patients(table(), PAPER))[
        0
    ]


def as_cohort(state: State) -> PaperCohort:
    codes = dict(zip(PAPER.variables, state.labels, strict=True))
    return PaperCohort(state.time * PAPER.step, state.event, codes, {})


def made_patients(seed: int = 3) -> pd.DataFrame:
    return patient_table(as_cohort(fitted(seed)), table(), PAPER, SETTINGS["exact"], seed)


def test_every_number_of_another_paper_is_met():
    found = reproduce(table(), paper_cohort(made_patients(), PAPER), PAPER)
    missed = found[found.verdict != WITHIN]
    assert len(found) > 35
    # P values follow from chi-squares that are met, up to the rounding of those.
    assert set(missed.statistic) <= {"logrank_p"}, missed[["id", "value", "reproduced"]].to_string()
    assert (missed.difference.abs() < 0.02).all()


def test_the_same_seed_gives_the_same_cohort_and_another_seed_another():
    targets = compile_targets(table(), PAPER)
    again = reconstruct(initial(), targets, PAPER, SETTINGS["fit"], own_generator(3))
    assert all(
        np.array_equal(getattr(again, name), getattr(fitted(), name)) for name in ("time", "event", "labels")
    )
    assert not np.array_equal(fitted(7).time, fitted().time)


def test_the_compiled_loss_is_zero_on_the_patients_behind_the_numbers_and_not_beside_them():
    truth = true_cohort()
    labels = np.array([truth.codes[name] for name in PAPER.variables])
    state = State(np.rint(truth.time / PAPER.step).astype(np.int64), truth.event.copy(), labels)
    targets = compile_targets(table()[lambda rows: rows.statistic != "n"], PAPER)
    assert losses(state, targets).loss.max() == pytest.approx(0.0, abs=1e-6)
    state.time[:10] = np.minimum(state.time[:10] + 3, PAPER.last_time)
    assert (losses(state, targets).loss > 0).sum() >= 4


def test_the_loss_kept_move_by_move_is_that_of_the_cohort_it_ends_with():
    targets = compile_targets(table(), PAPER)
    state = initial()
    generator = np.array([12345], dtype=np.uint64)
    for moves in ({"shift_time": 1, "swap_times": 1}, {"swap_labels": 2, "swap_events": 1, "swap_times": 1}):
        stage = {**SETTINGS["fit"][0]["stages"][0], "moves": moves, "miss": 0, "steps": 20_000}
        loss = run_stage(state, targets, PAPER, StageSettings.read(stage), generator)
        counted = np.isin(targets.statistics, stage["numbers"])
        weight = np.where(counted, targets.problem.weight, 0.0)
        afresh = losses(state, replace(targets, problem=targets.problem._replace(weight=weight)))
        assert loss == pytest.approx(afresh.loss.sum(), rel=1e-9)


def test_a_number_outside_its_rounding_can_cost_more_than_its_distance():
    targets = compile_targets(table(), PAPER)
    state = State(fitted(7).time.copy(), fitted(7).event.copy(), fitted(7).labels.copy())
    state.time[:10] = np.minimum(state.time[:10] + 3, PAPER.last_time)
    plain = losses(state, targets).loss
    dearer = losses(state, replace(targets, problem=targets.problem._replace(miss=5.0))).loss
    more = (dearer.sort_index() - plain.sort_index()) / 5.0
    assert more.to_numpy() == pytest.approx(np.rint(more), abs=1e-9)
    assert (more[plain.sort_index() > 0] >= 1).all()
    assert (more[plain.sort_index() == 0] == 0).all()


def test_the_standard_error_that_two_limits_imply_holds_that_of_the_model():
    targets = compile_targets(table(), PAPER)
    place = np.flatnonzero(targets.statistics == "cox_se")
    assert len(place) == 1
    truth = true_cohort()
    X = np.column_stack([truth.codes[name] == 1 for name in PAPER.models["everybody"]]).astype(float)
    fit = cox(truth.time, truth.event, X, ties="breslow")
    error = np.sqrt(fit.variance_model[0, 0])
    assert targets.problem.lower[place[0]] < error < targets.problem.upper[place[0]]


def test_the_models_take_the_recipe_and_refuse_a_misspelled_setting():
    assert form_faults(SETTINGS, PaperSettings) == ([], set())
    stages = [{"tries": 0, "stages": [{**SETTINGS["initial_state"][0], "cools": 0.1}]}]
    assert form_faults({**SETTINGS, "fit": stages}, PaperSettings)[0] == [
        "fit[1].tries: 0 is below 1; give 1 or more",
        "fit[1].stages[1]: unknown key `cools`; did you mean `cold`?",
    ]


def test_a_cell_of_another_form_is_named_by_its_row(tmp_path):
    path = tmp_path / "numbers.csv"
    printed_numbers().assign(value="7 %", relation="~").head(1).to_csv(path, index=False)
    with pytest.raises(InputError) as caught:
        read_numbers(path)
    assert caught.value.faults == [
        f'{path}: row 1: relation: "~" is unknown; legal are =, <',
        f'{path}: row 1: value: "7 %" is not of the form ^-?[0-9]+([.][0-9]+)?$',
    ]


def test_exact_values_stay_in_their_level_and_marks_have_their_counts():
    patients = made_patients()
    high = fitted().labels[0] == 1
    assert (patients.dose[high] >= 10).all()
    assert set(patients.dose[~high]) <= {2.0, 5.0}
    assert (patients.cause[patients.event == 0] == "alive").all()
    printed = table().set_index("id").value
    assert (patients.cause == "heart").sum() == printed["everybody_cause_heart_n"]


def test_a_dose_slope_orders_doses_by_survival_within_a_category_and_changes_nothing_published():
    patients = made_patients()
    steep = with_dose_response(patients, PAPER, slope=1.0, seed=1)
    high = patients.dose >= 10
    assert (patients.dose >= 10).equals(steep.dose >= 10)
    assert sorted(steep.dose) == sorted(patients.dose)
    assert steep.dose[high].corr(steep.time[high], method="spearman") > 0.9
    assert steep.drop(columns="dose").equals(patients.drop(columns="dose"))
    assert with_dose_response(patients, PAPER, slope=0.0, seed=1) is patients


def test_the_steps_of_a_recipe_count_each_variable_and_each_try():
    inner = {"steps": 10, "each": ["a", "b"]}
    assert count_stages([{"steps": 5}, {"like": "x"}, {"tries": 3, "stages": [inner]}]) == 65


def test_an_ensemble_gives_the_range_of_the_cohorts_that_fit():
    cohorts = {seed: paper_cohort(made_patients(seed), PAPER) for seed in (3, 7)}
    missing = replace(cohorts[3], time=cohorts[3].time[::-1].copy())
    everything = set(table().id) - {"everybody_cohort_total_n"}
    members, ranges = summarise_ensemble(cohorts, table(), PAPER, everything, caliper=0.2, draws=2)
    assert members.fits.all()
    assert (ranges.cohorts == 2).all()
    assert (ranges.lowest <= ranges.highest).all()
    assert (ranges.lowest < ranges.highest).any()
    members, _ = summarise_ensemble({**cohorts, 9: missing}, table(), PAPER, set(), caliper=0.2, draws=2)
    assert not members.set_index("seed").fits[9]
