"""Where the files of a study are said to lie: a study can be handed on."""

from pathlib import Path

import pytest

from survival_multiverse.cli.explain import command
from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.provenance.job_records import place_of
from survival_multiverse.provenance.study_records import (
    StudyRecords,
    configuration_file,
    files_of,
    is_description,
    places_of_configuration,
)

CLONE, STUDY = Path("/clone"), Path("/clone/my_study")


@pytest.mark.parametrize(
    ("path", "study", "place"),
    [
        ("results/a.csv", CLONE, "results/a.csv"),
        ("resources/numbers.csv", CLONE, "workflow:resources/numbers.csv"),
        ("results/a.csv", STUDY, "results/a.csv"),
        ("patients.csv", STUDY, "patients.csv"),
        ("/clone/resources/numbers.csv", STUDY, "workflow:resources/numbers.csv"),
        ("/clone/results/a.csv", STUDY, "workflow:results/a.csv"),
        ("/data/patients.csv", STUDY, "elsewhere:patients.csv"),
    ],
)
def test_a_record_says_what_is_the_study_s_and_what_the_repository_s(path, study, place):
    assert place_of(path, study=study, workflow=CLONE) == place


def test_configuration_files_are_named_so_that_they_are_found_again(tmp_path):
    example = WORKFLOW_ROOT / "config/examples/simulated.yaml"
    own, other = tmp_path / "study/config.yaml", tmp_path / "other.yaml"
    study = tmp_path / "study"
    places = places_of_configuration([example, own, other], study)
    assert places == ["workflow:config/examples/simulated.yaml", "config.yaml", "../other.yaml"]
    assert [configuration_file(study, place) for place in places] == [example, own, other]
    assert places_of_configuration([example], WORKFLOW_ROOT) == places[:1]


def test_the_command_names_every_configuration_but_the_default(tmp_path):
    default, example = "workflow:config/config.yaml", "workflow:config/examples/simulated.yaml"

    def words(study, configfiles):
        run = {"configfiles": configfiles, "config": {}}
        return command(StudyRecords(study, (), (), {"run": run}), "results/a.csv").split()

    assert words(WORKFLOW_ROOT, [default]) == ["snakemake", "--cores", "2", "--force", "results/a.csv"]
    asked = words(tmp_path, [default, example])
    assert asked[asked.index("--configfile") + 1 :] == ["config/examples/simulated.yaml"]
    assert (WORKFLOW_ROOT / asked[asked.index("--directory") + 1]).resolve() == tmp_path


def test_files_outside_are_where_the_configuration_has_them(tmp_path):
    records = StudyRecords(tmp_path, (), (), {})
    for cohort, path in (
        ({"source": "file", "file": "/data/renamed.csv"}, Path("/data/renamed.csv")),
        ({"source": "reconstructed", "paper": "/data/paper"}, Path("/data/paper/numbers.csv")),
        ({"source": "simulated"}, None),
    ):
        assert records.locate("elsewhere:numbers.csv", {"cohort": cohort}) == path


def test_only_the_dictionary_and_what_describes_the_study_are_no_results(tmp_path):
    for name in ("README.md", "README.md.bak", "ro-crate-metadata.json.bak", "a/b.csv", "benchmarks/a.tsv"):
        (tmp_path / "results" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "results" / name).touch()
    (tmp_path / "results/provenance").mkdir()
    (tmp_path / "results/provenance/manifest.json").touch()
    expected = {"README.md.bak", "a/b.csv", "ro-crate-metadata.json.bak", "benchmarks/a.tsv"}
    found = files_of(tmp_path)
    assert {path for path in found if not is_description(path)} == {f"results/{name}" for name in expected}
    assert {path for path in found if is_description(path)} == {"results/README.md"}


def test_a_linked_folder_is_followed_where_something_was_written_below_it(tmp_path):
    for name in ("disk/a.csv", "results/b.csv", "private/letter.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "results/scenarios").symlink_to(tmp_path / "disk")
    (tmp_path / "results/more").symlink_to(tmp_path / "private")
    (tmp_path / "results/again").symlink_to(tmp_path / "results")
    (tmp_path / "results/c.csv").symlink_to(tmp_path / "nowhere")
    found = files_of(tmp_path, ["results/scenarios/a.csv"])
    kept = ["again", "b.csv", "c.csv", "more", "scenarios/a.csv"]
    assert sorted(found) == [f"results/{name}" for name in kept]
