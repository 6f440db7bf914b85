"""One process that times itself: prints "ready" once warm, then answers each line of stdin with JSON.

A line holds the least number of seconds to work for; the answer holds the units done, the seconds they took
and the largest memory of the process so far.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import unit_engine
from numba import njit
from unit_cohort import CALIPERS, UnitCohort, unit_cohort

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "config" / "config.yaml"
ONE_CALIPER = CALIPERS[2]
# Linux counts the largest memory in KiB, macOS in bytes.
MIB = 2**20 if sys.platform == "darwin" else 2**10

Round = Callable[[], int]


def shared_calipers(cohort: UnitCohort) -> Round:
    """All calipers of a score, which share what they do not touch, as in a panel of the engine."""
    run, out = unit_engine.prepared(cohort, CALIPERS)
    run(out)

    def one_round() -> int:
        run(out)
        return len(CALIPERS)

    return one_round


def separate_calipers(cohort: UnitCohort) -> Round:
    """One caliper after the other, nothing shared."""
    runs = [unit_engine.prepared(cohort, (caliper,)) for caliper in CALIPERS]
    runs[0][0](runs[0][1])

    def one_round() -> int:
        for run, out in runs:
            run(out)
        return len(CALIPERS)

    return one_round


def one_unit(cohort: UnitCohort) -> Round:
    """A single unit at the usual caliper."""
    # A cohort of a million is not run twice: the kernel is warm after another one.
    small = unit_cohort(200)
    run, out = unit_engine.prepared(small, (ONE_CALIPER,))
    run(out)
    run, out = unit_engine.prepared(cohort, (ONE_CALIPER,))

    def one_round() -> int:
        run(out)
        return 1

    return one_round


def looped_lifelines(cohort: UnitCohort) -> Round:
    """The units by lifelines and scikit-learn, nothing shared."""
    import unit_lifelines

    unit_lifelines.estimates(cohort, (ONE_CALIPER,))
    return lambda: len(unit_lifelines.estimates(cohort))


def scenario_files(_: UnitCohort) -> Round:
    """One panel of the default study: everything that its scenario files hold, but not the writing."""
    # Imported where used, as lifelines is: the memory of the other processes is their own.
    from survival_multiverse.cohort.preparation import prepare_cohort
    from survival_multiverse.files.config_files import merged_config
    from survival_multiverse.files.source_patients import source_patients
    from survival_multiverse.files.study_files import paper_files
    from survival_multiverse.scenario.multiverse import evaluate_panel
    from survival_multiverse.settings.study import Study

    config = merged_config([CONFIG], {})
    study = Study.from_config(config)
    paper = {role: place.replace("workflow:", f"{ROOT}/") for role, place in paper_files(config).items()}
    frame = source_patients(study, config, patients=paper["patients"], description=paper["description"])
    patients = prepare_cohort(frame, study).patients
    # All sizes and calipers at the primary threshold and dose.
    panel = [scenario for scenario in study.grid if scenario[:2] == study.primary[:2]]
    list(evaluate_panel(patients, study, [study.primary]))
    return lambda: sum(1 for _ in evaluate_panel(patients, study, panel))


@njit(cache=True)
def _count(steps):
    total = 0
    for step in range(steps):
        total ^= step * total + 1
    return total


def idle_loop(_: UnitCohort) -> Round:
    """A loop that touches no memory: what the machine itself gives a second process."""
    _count(1)

    def one_round() -> int:
        _count(100_000)
        return 1

    return one_round


KINDS = {
    "engine": shared_calipers,
    "engine_alone": separate_calipers,
    "one_unit": one_unit,
    "lifelines": looped_lifelines,
    "scenario_files": scenario_files,
    "idle_loop": idle_loop,
}


def timed(one_round: Round, *, seconds: float, units: int = 0) -> dict[str, float]:
    """Whole rounds until both the seconds and the units are reached."""
    done = 0
    start = time.perf_counter()
    while True:
        done += one_round()
        elapsed = time.perf_counter() - start
        if elapsed >= seconds and done >= units:
            break
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    return {"units": done, "seconds": elapsed, "peak_mib": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--patients", type=int, default=274)
    parser.add_argument("--continuous", action="store_true", help="continuous covariates in the score")
    parser.add_argument("--units", type=int, default=0, help="at least so many units")
    options = parser.parse_args()
    one_round = KINDS[options.kind](unit_cohort(options.patients, continuous=options.continuous))
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(timed(one_round, seconds=float(line), units=options.units)), flush=True)


if __name__ == "__main__":
    main()
