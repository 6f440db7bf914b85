"""Nothing small follows from what is shared of a study, by the attacks of `disclosure_attack`."""

from functools import cache

import numpy as np
import pytest
from cohorts import breast_patients, breast_study, transplant_patients, transplant_study
from disclosure_attack import READ, attack_study
from report_frames import canonical_patients, small_study
from report_page import estimates_of, primary_estimates

from survival_multiverse.emulation.immortal_time import immortal_time, immortal_time_summary
from survival_multiverse.inference.bias_surface import bias_tables
from survival_multiverse.inference.cutpoints import audit_cutpoints
from survival_multiverse.inference.robustness import specifications
from survival_multiverse.report.release import ROWS, SCHEMA, Kind, kind_of, release
from survival_multiverse.scenario.arm_curves import describe_arms


@cache
def studies():
    """Two studies: their tables as kept and as shared."""
    user = small_study()
    random = np.random.default_rng(25)
    gappy = canonical_patients(user, 150, 3)
    gappy["lesions"] = gappy["lesions"].mask(random.random(len(gappy)) < 0.03)
    made = {
        "breast": (breast_study(), breast_patients()),
        "user": (user, gappy),
        "transplants": (transplant_study(), transplant_patients()),
    }
    found = {}
    for name, (study, patients) in made.items():
        kept = counted(study, patients)
        found[name] = study, kept, release(kept, study)
    return found


def counted(study, patients):
    """The tables that hold counts over scenarios and in the primary one."""
    estimates = estimates_of(patients, study)
    found, primary = specifications(estimates, study), primary_estimates(estimates, study)
    late = {}
    if study.has_treatment_times:
        late = {"immortal_time": immortal_time(patients, study)}
        late["immortal_time_summary"] = immortal_time_summary(late["immortal_time"], study)
    return {
        **late,
        "cohort": patients,
        "primary": primary,
        "specifications": found,
        **bias_tables(found, primary, study),
        "arm_curves": describe_arms(patients, study)["arm_curves"],
        "cutpoints": audit_cutpoints(patients, study)["cutpoints"],
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["breast", "user", "transplants"])
def test_no_small_count_follows_from_what_is_shared(name):
    found, tried = attack_study(*studies()[name])
    assert found == {}
    assert tried > 15


@pytest.mark.slow
def test_the_attack_finds_small_counts_in_what_is_kept():
    study, kept, _ = studies()["user"]
    found, tried = attack_study(study, kept)
    assert {key[0] for key in found} >= {"scenarios", "cutoffs of gtv", "unmatched"}
    assert len(found) > tried / 2


def test_every_count_that_the_schema_declares_is_read_by_an_attack():
    declared = {
        (table, column) for table, columns in SCHEMA.items() for column in columns
        if kind_of(table, column) is Kind.COUNT
    }  # fmt: skip
    declared |= {("primary", "estimate") for kind in ROWS.values() if kind is Kind.COUNT}
    assert declared == READ
