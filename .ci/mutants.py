"""Mutation testing: change the arithmetic of the library in small ways and see whether its tests notice.

    PYTHONPATH=scripts .venv/bin/python .ci/mutants.py table.tsv [--count 330] [--only kernels/cox]

A mutant lives in a forked process that has the library in memory and imports the mutated module, and all that
imports it, anew: no file changes, and nothing is compiled. A mutated kernel and the kernels that call it run
as plain Python. Tests that are slower than that allows, or fail unmutated, are left out (`measure`).
Fails where less than 90 % of those that docs/mutation.md doesn't list as equivalent are killed.
"""

import argparse
import ast
import collections
import importlib.abc
import importlib.util
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numba
import pytest
from mutations import mutants

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "scripts" / "survival_multiverse"
# Modules that are mutated, and the tests that are tried on them.
COX = ["cox", "cox_status", "cox_properties"]
TESTS: dict[str, list[str]] = {
    **{f"balancing/{name}": [name] for name in ("balance", "matching", "propensity", "weighting")},
    **{f"estimators/{name}": COX for name in ("cox", "cox_rows", "proportional_hazards")},
    **{f"estimators/{name}": [name] for name in ("contingency", "limits", "log_rank", "quantiles")},
    "estimators/baseline_hazard": ["null_models", "cox_status"],
    "estimators/curves": ["curves", "curves_properties"],
    "scenario/tie_break": ["tie_break"],
    **{
        f"inference/{name}": [name]
        for name in ("attribution", "cutpoints", "joint_inference", "null_models", "resampling")
    },
    **{
        f"kernels/{name}": [name]
        for name in ("arms", "balance", "limits", "linear", "matching", "weighted_cox")
    },
    **{f"kernels/{name}": COX for name in ("cox", "cox_likelihood", "cox_newton", "cox_time_trend")},
    "kernels/cox_binary": [*COX, "weighted_cox", "tie_break"],
    "kernels/curves": ["curves", "curves_properties"],
    "kernels/cutpoints": ["cutpoints"],
    "kernels/log_rank": ["log_rank", "contingency"],
    "kernels/logistic": ["propensity"],
    "kernels/tie_breaks": ["tie_break"],
}
# Processor seconds of one test while it is measured: compiled, which may be for the first time, or in Python.
SLOWEST, SLOWEST_IN_PYTHON = 60.0, 4.0
# Processor seconds of all tests of a mutant, in multiples of their own.
PATIENCE = 4


def importers() -> dict[str, set[str]]:
    """Modules that import each module of the library, directly or not, itself among them."""
    direct = collections.defaultdict(set)
    names = {module_name(path): path for path in LIBRARY.rglob("*.py")}
    for name, path in names.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                for used in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
                    direct[used].add(name)
    found = {name: {name} for name in names}
    for reached in found.values():
        waiting = list(reached)
        while waiting:
            new = direct[waiting.pop()] - reached
            reached |= new
            waiting += new
    return found


def dotted(name: str) -> str:
    return f"{LIBRARY.name}.{name.replace('/', '.')}"


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts).removesuffix(".__init__")


class Anew(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports some modules anew, from sources given or their own; no function of theirs is compiled."""

    def __init__(self, names: set[str], sources: dict[str, str]) -> None:
        self.names, self.sources = names, sources
        for name in names & set(sys.modules):
            package, _, attribute = name.rpartition(".")
            del sys.modules[name]
            if hasattr(sys.modules.get(package), attribute):
                delattr(sys.modules[package], attribute)

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        origin = LIBRARY.parent.joinpath(*name.split(".")).with_suffix(".py")
        known = name in self.names and origin.exists()
        return importlib.util.spec_from_file_location(name, origin, loader=self) if known else None

    def exec_module(self, module: Any) -> None:
        source = self.sources.get(module.__name__) or Path(module.__file__).read_text(encoding="utf-8")
        compiled, numba.config.DISABLE_JIT = numba.config.DISABLE_JIT, True
        exec(compile(source, module.__file__, "exec"), module.__dict__)
        numba.config.DISABLE_JIT = compiled


class TooSlow(BaseException):
    """Not an Exception, which a test may expect or Hypothesis try again."""


class Watch:
    """Runs chosen tests, the fastest first; or measures them: seconds, and functions that each enters."""

    def __init__(self, chosen: dict[str, float] | None, limit: float = SLOWEST) -> None:
        self.chosen, self.limit, self.entered, self.measured = chosen, limit, set(), {}
        self.failed, self.seconds = "", 0.0
        self.shared = collections.defaultdict(set)

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        if self.chosen is not None:
            first = collections.defaultdict(lambda: float("inf"))
            for name, seconds in self.chosen.items():
                first[name.partition("::")[0]] = min(seconds, first[name.partition("::")[0]])
            items[:] = [item for item in items if item.nodeid in self.chosen]
            items.sort(key=lambda i: (first[i.nodeid.partition("::")[0]], self.chosen[i.nodeid]))

    def _trace(self, frame: Any, event: str, argument: Any) -> None:
        if frame.f_code.co_filename.startswith(str(LIBRARY)):
            self.entered.add(
                f"{frame.f_code.co_filename[len(str(LIBRARY)) + 1 :]}:{frame.f_code.co_firstlineno}"
            )

    def _watched(self, into: set[str]) -> Any:
        self.entered = into
        sys.settrace(self._trace)
        result = yield
        sys.settrace(None)
        return result

    # What a file's import and fixtures enter, all its tests may depend on.
    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: Any) -> Any:
        file = self.shared[collector.nodeid.partition("::")[0]]
        return (yield) if self.chosen is not None else (yield from self._watched(file))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: Any) -> Any:
        file = self.shared[item.nodeid.partition("::")[0]]
        return (yield) if self.chosen is not None else (yield from self._watched(file))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: Any) -> Any:
        if self.chosen is not None:
            return (yield)
        start = time.process_time()
        signal.setitimer(signal.ITIMER_VIRTUAL, self.limit, 1.0)
        try:
            return (yield from self._watched(set()))
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            sys.settrace(None)
            self.seconds = time.process_time() - start

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid
        elif report.when == "call" and report.passed:
            self.measured[report.nodeid] = [self.seconds, sorted(self.entered)]


def _late(*_: Any) -> None:
    raise TooSlow


def run(watch: Watch, anew: set[str], sources: dict[str, str], files: list[str], limit: int) -> Any:
    """Outcome, first test that failed, measured tests and functions by file, of tests in a forked process."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as answer:
        child = os.fork()
        if not child:
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            signal.signal(signal.SIGVTALRM, _late)
            silence = os.open(
                os.environ.get("MUTANTS_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND
            )
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            code = 1
            try:
                sys.meta_path.insert(0, Anew(anew, sources))
                options = ["-x"] if watch.chosen is not None else []
                # Plain Python warns where compiled code does not.
                options += (
                    ["-W", "ignore::RuntimeWarning"] if any(".kernels." in name for name in anew) else []
                )
                options += ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--rootdir", str(ROOT)]
                code = pytest.main([*options, *files], plugins=[watch])
                shared = {name: sorted(entries) for name, entries in watch.shared.items()}
                Path(answer.name).write_text(json.dumps([watch.failed, watch.measured, shared]))
            finally:
                os._exit(int(code))
        _, code = os.waitpid(child, 0)
        if os.WIFSIGNALED(code):
            return "timeout", "", {}, {}
        failed, measured, shared = json.loads(answer.read() or '["import", {}, {}]')
        return "killed" if code else "survived", failed, measured, shared


def measure(names: list[str], kernels: set[str], store: Path) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Seconds and functions of each test that passes in time; functions that any test of a file may need."""
    known = json.loads(store.read_text()) if store.exists() else {}
    tests: dict[str, Any] = {}
    shared: dict[str, list[str]] = {}
    for name in names:
        file = ROOT / f"tests/unit/test_{name}.py"
        key = f"{name} {bool(kernels)} {zlib.crc32(file.read_bytes())}"
        if key not in known:
            watch = Watch(None, SLOWEST_IN_PYTHON if kernels else SLOWEST)
            known[key] = run(watch, kernels, {}, [str(file)], 1200)
            if not known[key][2]:
                sys.exit(f"no test of {file.name} passes unmutated: {known[key][:2]}")
            store.write_text(json.dumps(known))
            print(key, len(known[key][2]), known[key][:2], flush=True)
        tests |= known[key][2]
        shared |= known[key][3]
    return tests, shared


def chosen_tests(measured: dict[str, list[Any]], shared: dict[str, list[str]], key: str) -> dict[str, float]:
    """Tests that enter a function (any function of a file where the key ends in 0), and their seconds."""

    def reached(functions: list[str]) -> bool:
        whole = key.endswith(":0")
        return any(entry.startswith(key[:-1]) if whole else entry == key for entry in functions)

    anywhere = {file for file, functions in shared.items() if reached(functions)}
    return {
        name: seconds
        for name, (seconds, functions) in measured.items()
        if name.partition("::")[0] in anywhere or reached(functions)
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "table", type=Path, help="to be written; mutants that are in it already are not tried again"
    )
    parser.add_argument("--count", type=int, default=330)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="part of the names of the modules to be mutated")
    given = parser.parse_args()
    from survival_multiverse.inference.warm_up import warm_up

    warm_up()
    users = importers()
    for name in users.keys() - {"survival_multiverse.__main__"}:
        importlib.import_module(name)
    possible = {name: list(mutants(LIBRARY / f"{name}.py")) for name in TESTS if given.only in name}
    total = sum(map(len, possible.values()))
    kernels = set().union(*(users[dotted(name)] for name in TESTS if name.startswith("kernels")))
    store = given.table.with_suffix(".json")
    equivalent = (ROOT / "docs" / "mutation.md").read_text(encoding="utf-8").replace(r"\|", "|")
    done = given.table.read_text(encoding="utf-8").splitlines() if given.table.exists() else []
    known = {line.split("\t", 1)[1].rsplit("\t", 1)[0] for line in done}
    with given.table.open("a", encoding="utf-8") as table:
        for name, found in possible.items():
            tests = measure(TESTS[name], kernels if name.startswith("kernels") else set(), store)
            few = max(4, round(given.count * len(found) / total))
            sample = random.Random(f"{given.seed} {name}").sample(found, min(few, len(found)))
            for function, line, was, now, source in sorted(sample):
                row = f"{name}.py\t{line}\t{was}\t{now}"
                if row in known:
                    continue
                if f"| `{name}.py` | `{was}` | `{now}` |" in equivalent:
                    outcome, failed = "equivalent", ""
                else:
                    chosen = chosen_tests(*tests, f"{name}.py:{function}")
                    limit = int(20 + PATIENCE * sum(chosen.values()))
                    module = dotted(name)
                    use = sorted({str(ROOT / test.partition("::")[0]) for test in chosen})
                    outcome, failed, _, _ = "survived", "no test", {}, {}
                    if chosen:
                        outcome, failed, _, _ = run(
                            Watch(chosen), users[module], {module: source}, use, limit
                        )
                print(outcome, row, failed, sep="\t", file=table, flush=True)
    outcomes = collections.Counter(line.split("\t")[0] for line in given.table.read_text().splitlines())
    tried = sum(outcomes.values()) - outcomes["equivalent"]
    print(f"{dict(outcomes)}: {1 - outcomes['survived'] / max(tried, 1):.1%} killed", flush=True)
    return int(outcomes["survived"] > 0.1 * tried)


if __name__ == "__main__":
    sys.exit(main())
