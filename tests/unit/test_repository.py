"""What must be in step across the repository: pins, rules and their scripts, the data dictionary."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, ResourceSettings

from survival_multiverse import __version__
from survival_multiverse.cli.documents import PARTS, filled
from survival_multiverse.files.study_files import survival_figures
from survival_multiverse.provenance.dependencies import packages_used
from survival_multiverse.report.words.figure_names import figure_names
from survival_multiverse.settings.study import Study

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK_TEXT = (ROOT / "requirements.lock").read_text(encoding="utf-8")
BUILD_LOCK_TEXT = (ROOT / "requirements-build.lock").read_text(encoding="utf-8")
LOCK = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK_TEXT, re.MULTILINE))
OWN_FILES = [
    path
    for folder in ("", ".ci", "config", "profiles", "results", "scripts", "workflow")
    for path in ((ROOT / folder).rglob("*") if folder else ROOT.glob("*"))
    if path.is_file()
    and path.suffix
    in ("", ".cff", ".css", ".jinja", ".js", ".lock", ".md", ".py", ".rst", ".smk", ".toml", ".yaml", ".yml")
    and not {"__pycache__", ".ruff_cache"} & set(path.parts)
]


def name_and_range(requirement: str) -> tuple[str, str]:
    name, limits = re.fullmatch(r"([A-Za-z0-9_-]+)(.*)", requirement).groups()
    return name.lower(), limits


def locked(name: str) -> str:
    return {key.lower(): version for key, version in LOCK.items()}[name]


def test_the_version_stands_in_one_place_and_in_the_citation():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert "version" in PROJECT["dynamic"]


def test_make_names_a_configuration_that_is_not_there():
    call = ["make", "--old-file=.venv/.compiled", "study", "CONFIG=no such/config.yaml"]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no such/config.yaml cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def conda_pins(path: Path = ROOT / "environment.yml") -> dict[str, str]:
    environment = yaml.safe_load(path.read_text(encoding="utf-8"))
    return dict(re.fullmatch(r"(\S+) =(\S+)", entry).groups() for entry in environment["dependencies"])


def test_environment_names_the_direct_dependencies_at_the_locked_versions():
    direct = {name_and_range(requirement)[0] for requirement in PROJECT["dependencies"]}
    pins = conda_pins()
    python = pins.pop("python")
    assert pins == {name: locked(name) for name in direct}
    assert f">={python}" == PROJECT["requires-python"]


COMES_ALONG = {"autograd", "contourpy", "llvmlite", "markupsafe", "pillow", "pydantic-core"}
"""Packages that others of an environment bring along."""
RULE = r' conda:\n +"../(envs/\w+[.]yaml)"(?:(?!\n *rule ).)*?"../../(scripts/\w+[.]py)"'


@pytest.mark.parametrize("path", sorted((ROOT / "workflow/envs").glob("*.yaml")), ids=lambda path: path.stem)
def test_environment_of_rules_holds_what_their_scripts_import_at_the_locked_versions(path):
    rules = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "workflow/rules").glob("*.smk"))
    assert rules.count("conda:") == len(re.findall(RULE, rules, re.DOTALL))
    scripts = [script for env, script in re.findall(RULE, rules, re.DOTALL) if env == f"envs/{path.name}"]
    used = {re.sub("_", "-", name.lower()) for script in scripts for name in packages_used(ROOT / script)}
    pins = conda_pins(path)
    assert pins.pop("python") == conda_pins()["python"]
    assert pins == {name: locked(name) for name in used - COMES_ALONG}


def test_locked_versions_lie_in_the_ranges():
    packaging = pytest.importorskip("packaging.specifiers")
    extras = PROJECT["optional-dependencies"].values()
    for requirement in [*PROJECT["dependencies"], *(entry for extra in extras for entry in extra)]:
        name, limits = name_and_range(requirement)
        assert locked(name) in packaging.SpecifierSet(limits), requirement


@pytest.mark.parametrize("text", [LOCK_TEXT, BUILD_LOCK_TEXT], ids=["lock", "build lock"])
def test_lock_holds_versions_with_their_hashes_and_no_addresses(text):
    header, pins = re.fullmatch(r"((?:#.*\n)*)(.*)", text, re.DOTALL).groups()
    assert "//" not in header
    pin = r"[a-z0-9-]+==[0-9][0-9a-z.+]*(?: ; [a-z_]+ [!=]= '\w+')?(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n"
    assert re.sub(pin, "", pins) == ""


def test_set_up_takes_no_file_without_its_hash():
    calls = re.findall(r"pip install(?:.*\\\n)*.*", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert len(calls) == 2
    assert all("--require-hashes" in call for call in calls)


@pytest.fixture(scope="module")
def rules():
    """The rules of the workflow, by name, as Snakemake parses them."""
    with SnakemakeApi(OutputSettings(quiet=None)) as api:
        parsed = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(),
            snakefile=ROOT / "Snakefile",
        )
        return {rule.name: rule for rule in parsed._workflow.rules}


def test_every_script_of_a_rule_has_the_name_of_the_rule_and_its_log(rules):
    scripted = {name: rule for name, rule in rules.items() if rule.script}
    assert rules.keys() - scripted.keys() == {"all", "refuse_scenario"}
    # The same job, of a single scenario.
    assert scripted.pop("fit_scenario").script == scripted["fit_scenarios"].script
    for name, rule in scripted.items():
        assert rule.script == f"../../scripts/{name}.py"
        assert str(rule.log[0]).startswith(f"logs/{name}")
        assert rule.docstring, f"{name} lacks a docstring"
        assert rule.conda_env, name
        assert {"mem_mb", "runtime"} <= rule.resources.keys(), name
        modules = {digested.partition("/")[0] for digested in rule.params["code"]({})}
        assert f"{name}.py" in modules, f"{name} depends on the code of another script"
    scripts = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "scripts").glob("*.py")}
    assert scripts.keys() == scripted.keys()
    for name, text in scripts.items():
        assert text.count("\n") <= 60, f"{name}.py has {text.count(chr(10))} lines"
        imported = set(re.findall(r"^\s*(?:from|import) (\w+)", text, re.M))
        assert not imported & scripts.keys(), f"{name}.py imports another script"
        assert "survival_multiverse.cli" not in text


def test_the_study_is_complete_when_every_rule_has_run_but_those_on_request(rules):
    made = set(map(str, rules["describe_study"].input))
    on_request = {
        *("calibrate_inference", "collect_calibration", "initialise_reconstruction", "reconstruct_cohort"),
        *("gather_reconstructions", "run_negative_controls"),
        # Where times of treatment are known.
        "emulate_treatment",
    }
    left_out = {
        name
        for name, rule in rules.items()
        if rule.script and not made & {str(path) for path in rule.output} and not rule.has_wildcards()
    }
    assert left_out - on_request == {"describe_study"}


def test_the_figures_of_the_rules_are_those_that_the_library_draws():
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    study = Study.from_config(config)
    assert survival_figures(config) == figure_names(study)


def test_nothing_names_a_place_on_this_machine():
    assert len(OWN_FILES) > 50
    for path in OWN_FILES:
        text = path.read_text(encoding="utf-8")
        assert str(ROOT) not in text, path
        assert not re.search(r"(^|[\s\"'`=(:])/(home|root|tmp|Users)/\w", text), path


@pytest.mark.parametrize("name", PARTS)
def test_generated_parts_of_documents_are_up_to_date(name):
    mark, part = PARTS[name]
    text = (ROOT / name).read_text(encoding="utf-8")
    assert filled(text, mark, part()) == text, "run make format"


def test_imports_of_the_library_run_in_one_direction():
    pytest.importorskip("importlinter")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "scripts"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 kept, 0 broken" in done.stdout, done.stdout
