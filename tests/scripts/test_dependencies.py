"""What a script is said to need, against what it really loads."""

import subprocess
import sys
from pathlib import Path

import pytest

from survival_multiverse.provenance.dependencies import module_closure, packages_used

SCRIPTS = Path(__file__).parents[2] / "scripts"
RULES = (
    "build_cohort",
    "resample_multiverse",
    "infer_jointly",
    "audit_cutpoints",
    "fit_scenarios",
    "collect_scenarios",
    "summarise_robustness",
    "cross_check_models",
    "plot_survival_curves",
    "draw_charts",
    "render_report",
)
LOADED = """
import importlib, sys
sys.path.append(sys.argv[1])
importlib.import_module(sys.argv[2])
files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
print("\\n".join(sorted(file for file in files if file and file.startswith(sys.argv[1]))))
"""


@pytest.mark.slow
@pytest.mark.parametrize("script", RULES)
def test_the_modules_named_are_those_that_the_script_loads(script):
    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(SCRIPTS), script], capture_output=True, text=True, check=True
    )
    loaded = set(map(Path, done.stdout.split())) - {SCRIPTS / f"{script}.py"}
    named = {path for path in module_closure(SCRIPTS / f"{script}.py") if path.suffix == ".py"}
    assert named == loaded


def test_imports_are_followed_through_packages_functions_and_files_beside_them(tmp_path):
    package = tmp_path / "pack"
    (package / "inner").mkdir(parents=True)
    files = {
        "script.py": "from pack.first import x\nimport json\n",
        "unused.py": "",
        "pack/__init__.py": "",
        "pack/first.py": "def f():\n    from pack import inner\n",
        "pack/other.py": "",
        "pack/inner/__init__.py": "import pack.first\n",
        "pack/inner/page.css": "",
        "pack/inner/.hidden": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = [path.relative_to(tmp_path).as_posix() for path in module_closure(tmp_path / "script.py")]
    assert found == ["pack/__init__.py", "pack/first.py", "pack/inner/__init__.py", "pack/inner/page.css"]


def test_a_script_that_is_not_there_is_an_error():
    with pytest.raises(FileNotFoundError):
        module_closure(SCRIPTS / "no_such_rule.py")


def test_packages_are_those_that_are_installed_and_what_computes_for_them(tmp_path):
    (tmp_path / "helper.py").write_text("def f():\n    import sklearn.tree\n", encoding="utf-8")
    (tmp_path / "script.py").write_text(
        "import json\nimport helper\nfrom numba import njit\n", encoding="utf-8"
    )
    assert packages_used(tmp_path / "script.py") == ["llvmlite", "numba", "scikit-learn", "scipy"]
