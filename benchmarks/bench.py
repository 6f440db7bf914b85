"""Time the engine beside lifelines with scikit-learn and beside R, and how its own time grows.

Implementations take turns, each time in a fresh process, so that whatever else the machine does falls on
all of them; what is reported are medians and ratios.
"""

import importlib.metadata
import platform
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import pandas as pd
from unit_cohort import unit_cohort, write_cohort
from worker import HERE, Worker, joint_rate, python_worker, r_version, r_worker, rate

ROUNDS = 3
SECONDS = 0.5
RESULTS = HERE / "results"
CASES = [(274, False), (274, True), (5_000, False), (5_000, True)]
PYTHON_KINDS = ("engine", "engine_alone", "lifelines")
NAMES = {
    "engine": "engine",
    "engine_alone": "engine, nothing shared",
    "lifelines": "lifelines + scikit-learn",
    "r": "R: survival + glm",
}
SIZES = (274, 1_000, 5_000, 20_000, 100_000, 1_000_000)
UNITS = (100, 1_000, 10_000, 100_000)
WINDOWS = 8


def side_by_side(with_r: bool) -> pd.DataFrame:
    """Units per second per process of every implementation, and how many times as many the engine does."""
    rows = []
    for patients, continuous in CASES:
        rates = _rates(patients, continuous, with_r)
        for kind, measured in rates.items():
            rows.append(
                {
                    "patients": patients,
                    "score": "continuous" if continuous else "categories",
                    "implementation": NAMES[kind],
                    "units_per_second": _rounded(median(measured)),
                    "engine_ratio": _ratio(rates["engine"], measured),
                    "engine_nothing_shared_ratio": _ratio(rates["engine_alone"], measured),
                }
            )
    return pd.DataFrame(rows)


def _rates(patients: int, continuous: bool, with_r: bool) -> dict[str, list[float]]:
    options = ["--patients", str(patients), *(["--continuous"] if continuous else [])]
    rates = {kind: [] for kind in [*PYTHON_KINDS, *(["r"] if with_r else [])]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cohort.csv"
        write_cohort(unit_cohort(patients, continuous=continuous), path)
        for _ in range(ROUNDS):
            for kind, measured in rates.items():
                with r_worker(path) if kind == "r" else python_worker(kind, *options) as worker:
                    measured.append(rate(worker, SECONDS))
    return rates


def _ratio(engine: list[float], other: list[float]) -> float:
    """Median over the rounds of the ratio within a round."""
    return _rounded(median(fast / slow for fast, slow in zip(engine, other, strict=True)))


def by_patients() -> pd.DataFrame:
    """Seconds of one unit by itself, and the largest memory of its process."""
    rows = []
    for patients in SIZES:
        with python_worker("one_unit", "--patients", str(patients)) as worker:
            answers = [_answer(worker, SECONDS / 2) for _ in range(ROUNDS)]
        seconds = median(answer["seconds"] / answer["units"] for answer in answers)
        rows.append(
            {
                "patients": patients,
                "seconds_per_unit": _rounded(seconds),
                "peak_mib": round(answers[-1]["peak_mib"]),
            }
        )
    return pd.DataFrame(rows)


def by_units() -> pd.DataFrame:
    """Seconds for more and more units of 274 patients, and those a process takes to be ready for them."""
    rows = []
    for units in UNITS:
        with python_worker("engine", "--units", str(units)) as worker:
            # The longest needs no repetition to be known well.
            answers = [_answer(worker, 0) for _ in range(1 if units == UNITS[-1] else ROUNDS)]
        seconds = median(answer["seconds"] for answer in answers)
        rows.append(
            {
                "units": answers[-1]["units"],
                "seconds": _rounded(seconds),
                "start_seconds": _rounded(worker.start_seconds),
            }
        )
    return pd.DataFrame(rows)


def by_processes() -> pd.DataFrame:
    """What a second process at the same time adds, beside what it adds to a loop that needs no memory."""
    rates: dict[tuple[str, int], list[float]] = {}
    with ExitStack() as stack:
        pairs = {
            kind: [stack.enter_context(python_worker(kind)) for _ in range(2)]
            for kind in ("idle_loop", "engine")
        }
        for _ in range(WINDOWS):
            for kind, pair in pairs.items():
                for processes in (1, 2):
                    measured = joint_rate(pair[:processes], SECONDS)
                    rates.setdefault((kind, processes), []).append(measured)
    rows = []
    for (kind, processes), measured in rates.items():
        gain = median(rate_ / one for rate_, one in zip(measured, rates[kind, 1], strict=True))
        rows.append({"work": kind, "processes": processes, "rate_against_one": round(gain, 3)})
    table = pd.DataFrame(rows)
    idle = table[table["work"] == "idle_loop"].set_index("processes")["rate_against_one"]
    table["gain_against_idle_loop"] = (table["rate_against_one"] / table["processes"].map(idle)).round(3)
    return table


def scenario_file() -> pd.DataFrame:
    """Seconds of a scenario with all its variants and 200 tie-breaks, in one panel of the default study."""
    with python_worker("scenario_files") as worker:
        answers = [_answer(worker, 0) for _ in range(ROUNDS)]
    seconds = median(answer["seconds"] / answer["units"] for answer in answers)
    return pd.DataFrame([{"scenarios": answers[0]["units"], "seconds_per_scenario": _rounded(seconds)}])


def versions(r: str | None) -> pd.DataFrame:
    """What was measured, and on what."""
    packages = ("numpy", "numba", "lifelines", "scikit-learn")
    rows = {"processor": _processor(), "Python": platform.python_version()}
    rows |= {name: importlib.metadata.version(name) for name in packages}
    return pd.DataFrame([*rows.items(), ("R", r or "not found")], columns=["part", "version"])


def _processor() -> str:
    lines = Path("/proc/cpuinfo")
    names = lines.read_text(encoding="utf-8").splitlines() if lines.is_file() else []
    return next((line.split(": ")[1] for line in names if line.startswith("model name")), platform.machine())


def _answer(worker: Worker, seconds: float) -> dict[str, float]:
    worker.ask(seconds)
    return worker.answer()


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def main() -> None:
    r = r_version()
    if r is None:
        print("Rscript with survival was not found: the table goes without R.", file=sys.stderr)
    tables = {"versions": versions(r)}
    measurements = {
        "table": lambda: side_by_side(r is not None),
        "by_n": by_patients,
        "by_units": by_units,
        "by_cores": by_processes,
        "scenario_file": scenario_file,
    }
    for name, measure in measurements.items():
        print(f"{name} ...", file=sys.stderr, flush=True)
        tables[name] = measure()
    from plots import growth_figure

    from survival_multiverse.report.style.formats import png_bytes, svg_bytes

    RESULTS.mkdir(exist_ok=True)
    for name, table in tables.items():
        table.to_csv(RESULTS / f"{name}.csv", index=False, lineterminator="\n")
        print(f"\n{name}\n{table.to_string(index=False)}")
    figure = growth_figure(tables)
    (RESULTS / "growth.svg").write_bytes(svg_bytes(figure))
    (RESULTS / "growth.png").write_bytes(png_bytes(figure))


if __name__ == "__main__":
    main()
