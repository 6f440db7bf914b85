"""Attack what is shared of a study: is a small count determined by all shared counts together?

Call: attack.py CONFIG DIRECTORY, for the study of a configuration with its results in a directory.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "unit"), str(ROOT / "scripts")]

from disclosure_attack import attack_study  # noqa: E402

from survival_multiverse.files.config_files import merged_config  # noqa: E402
from survival_multiverse.files.parquet_files import read_frame  # noqa: E402
from survival_multiverse.files.primary_estimates import read_primary_estimates  # noqa: E402
from survival_multiverse.files.study_files import treatment_tables  # noqa: E402
from survival_multiverse.report.release import release  # noqa: E402
from survival_multiverse.settings.study import Study  # noqa: E402


def main(config: str, directory: str) -> int:
    """Print how many small counts follow from the complete tables and from the shared ones."""
    merged = merged_config([ROOT / "config" / "config.yaml", Path(config)], {})
    study = Study.from_config(merged)
    results = Path(directory) / "results"
    names = ("specifications", "arm_curves", "cutpoints", "bias_covariates")
    kept = {name: read_frame(results / "robustness" / f"{name}.parquet") for name in names}
    kept |= {name: read_frame(Path(directory) / path) for name, path in treatment_tables(merged).items()}
    kept["cohort"] = read_frame(results / "cohort" / "cohort.parquet")
    kept["primary"] = read_primary_estimates(results / "robustness" / "estimates.parquet", study)
    for words, tables in (("complete", None), ("shared", release(kept, study))):
        found, tried = attack_study(study, kept, tables)
        print(f"{study.title}: of {tried} small counts, {len(found)} follow from the {words} tables")
    for key, count in found.items():
        print(f"  {count}: {', '.join(map(str, key))}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
