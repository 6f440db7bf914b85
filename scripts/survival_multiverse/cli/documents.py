"""The generated parts of the documents: columns of the results, settings, terms, and what registries read."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from rocrate.rocrate import ROCrate

from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.paper.paper_models import PaperSettings
from survival_multiverse.report.charts.first_picture import (
    picture_digest,
    picture_rows,
    picture_spec,
    picture_specifications,
    picture_svg,
)
from survival_multiverse.report.release import release_table
from survival_multiverse.report.words.claim import claim, hero_alternative, hero_caption
from survival_multiverse.report.words.glossary import terms
from survival_multiverse.report.words.narrative import origin
from survival_multiverse.scenario.dictionary import FLAGS, STATISTICS
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.json_schema import schema_of, with_defaults
from survival_multiverse.settings.models import Settings
from survival_multiverse.settings.schema import (
    ESTIMATE_COLUMNS,
    STATUS_REASON,
    VARIED_COLUMNS,
    Column,
    Status,
)
from survival_multiverse.settings.settings_table import settings_table
from survival_multiverse.settings.study import Study

PICTURE, PICTURE_ROWS = "docs/first-picture.svg", "docs/first-picture.csv"
"""The first picture of the default study, and the rows that it is drawn of."""
PICTURED = "results/robustness/specifications.parquet"


def estimate_columns() -> str:
    """Return Markdown tables of a scenario file's columns and words; a unit in braces is the role's."""
    lines = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    options = [
        Column(name, "number", *VARIED_COLUMNS[decision.varies])
        for name, decision in _default_study().decisions.items()
    ]
    columns = (*options, *ESTIMATE_COLUMNS)
    lines += [f"| `{c.name}` | {c.type} | {c.unit} | {c.description} |" for c in columns]
    lines += ["", "| status | meaning |", "|---|---|"]
    lines += [f"| `{status}` | {STATUS_REASON.get(status, 'a number')} |" for status in Status]
    lines += ["", "| analysis | statistic | meaning |", "|---|---|---|"]
    for analysis, statistics in STATISTICS.items():
        lines += [f"| `{analysis}` | `{name}` | {meaning} |" for name, meaning in statistics.items()]
    lines += ["", "| flag | meaning |", "|---|---|"]
    lines += [f"| `{flag}` | {meaning} |" for flag, meaning in FLAGS.items()]
    return "\n" + "\n".join(lines) + "\n\n"


def configuration_keys() -> str:
    """Return a Markdown table of every setting."""
    return settings_table(_shipped_schema())


def page_terms() -> str:
    """Return a Markdown table of the terms that the page explains."""
    rows = [f"| {term.name} | {term.definition} |".replace("|SMD|", r"\|SMD\|") for term in terms()]
    return "\n".join(["| term | meaning |", "|---|---|", *rows]) + "\n"


def first_screen() -> str:
    """Return the claim of the default study, its picture, and where its patients come from, as Markdown."""
    study = _default_study()
    found = picture_specifications(_picture_rows(), study)
    heading, short, text = origin(study)
    parts = [
        f"**{claim(found, study)}**",
        f"![{hero_alternative(found, study)}]({PICTURE})",
        hero_caption(study),
        f"> **{heading}: {short}.** {text}",
    ]
    return "\n" + "\n\n".join(parts) + "\n\n"


def first_picture() -> str:
    """Return the first picture; as it is if it was drawn of the same specification."""
    spec = picture_spec(_picture_rows(), _default_study())
    path = WORKFLOW_ROOT / PICTURE
    drawn = path.read_text(encoding="utf-8") if path.is_file() else ""
    return drawn if picture_digest(spec) in drawn else picture_svg(spec)


def keep_picture_rows(study: Path) -> None:
    """Keep what the first picture needs of a finished run of the default study, as its page shares it."""
    path = study / PICTURED
    if not path.is_file():
        fault = f"{path} is missing: no study has run there to its end"
        raise InputError([fault], subject="the picture")
    default = _default_study()
    found = pd.read_parquet(path)
    if set(found["dose_cutoff"]) != set(default.decisions["dose_cutoff"].values):
        fault = f"{path} is not of the default study: its cutoffs of the exposure are others"
        raise InputError([fault], subject="the picture")
    shared = release_table(
        "specifications", found, minimum=default.minimum_count, decisions=default.decisions
    )
    rows = picture_rows(shared, default)
    rows.to_csv(WORKFLOW_ROOT / PICTURE_ROWS, index=False, lineterminator="\n")


def _picture_rows() -> pd.DataFrame:
    return pd.read_csv(WORKFLOW_ROOT / PICTURE_ROWS)


def _default_study() -> Study:
    return Study.from_config(
        yaml.safe_load((WORKFLOW_ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    )


def configuration_schema() -> str:
    """JSON schema of the settings, for editors."""
    return _schema_file(_shipped_schema(), "the models in settings/; change those")


def paper_schema() -> str:
    """JSON schema of a paper's description, for editors."""
    return _schema_file(schema_of(PaperSettings), "paper/paper_models.py; change that")


def workflow_crate() -> str:
    """Return the repository as a Workflow RO-Crate 1.0, from CITATION.cff; WorkflowHub asks for it."""
    citation = yaml.safe_load((WORKFLOW_ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    crate = ROCrate(version="1.1")
    crate.name, crate.description = citation["title"], citation["abstract"]
    crate.license = f"https://spdx.org/licenses/{citation['license']}"
    crate.datePublished = str(citation["date-released"])
    crate.keywords = citation["keywords"]
    crate.root_dataset["creator"] = crate.add_jsonld(
        {"@id": "#authors", "@type": "Organization", "name": citation["authors"][0]["name"]}
    )
    about = {key: crate.root_dataset[key] for key in ("name", "description", "license", "creator")}
    crate.add_workflow(
        "workflow/Snakefile",
        "workflow/Snakefile",
        main=True,
        lang="snakemake",
        properties={**about, "version": citation["version"]},
    )
    for path, text in {"README.md": "What the study is", "config/README.md": "Every setting"}.items():
        crate.add_file(path, path, properties={"name": text, "encodingFormat": "text/markdown"})
    crate.root_dataset["version"] = citation["version"]
    return json.dumps(crate.metadata.generate(), indent=2, ensure_ascii=False) + "\n"


def _schema_file(schema: dict[str, Any], origin: str) -> str:
    text = yaml.safe_dump(schema, sort_keys=False, width=110, allow_unicode=True)
    return f"# Made by `study docs` from {origin}.\n{text}"


def _shipped_schema() -> dict[str, Any]:
    """Return the schema with the values of the default study and of the example of a simulation."""
    shipped, example = (
        yaml.safe_load((WORKFLOW_ROOT / "config" / name).read_text(encoding="utf-8"))
        for name in ("config.yaml", "examples/simulated.yaml")
    )
    simulation = {"simulation": example["cohort"]["simulation"]}
    return with_defaults(schema_of(Settings), {**shipped, "cohort": simulation})


PARTS = {
    PICTURE: ("", first_picture),
    "README.md": ("claim", first_screen),
    "results/README.md": ("schema", estimate_columns),
    "config/README.md": ("settings", configuration_keys),
    "docs/glossary.md": ("terms", page_terms),
    "ro-crate-metadata.json": ("", workflow_crate),
    "workflow/schemas/config.schema.yaml": ("", configuration_schema),
    "workflow/schemas/reconstruction.schema.yaml": ("", paper_schema),
}


def filled(text: str, mark: str, part: str) -> str:
    """Replace the text between its marks; replace all of it if there are no marks."""
    if not mark:
        return part
    begin, end = f"<!-- {mark}:begin -->\n", f"<!-- {mark}:end -->\n"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}{part}{end}{after}"


def main(arguments: Sequence[str]) -> int:
    """Write the generated parts of the documents again."""
    parser = argparse.ArgumentParser(prog="study docs", description=__doc__)
    parser.add_argument(
        "--picture", type=Path, metavar="DIR", help="take the first picture from the default study in DIR"
    )
    chosen = parser.parse_args(arguments)
    if chosen.picture:
        keep_picture_rows(chosen.picture)
    for name, (mark, part) in PARTS.items():
        document = WORKFLOW_ROOT / name
        text = document.read_text(encoding="utf-8") if document.is_file() else ""
        document.write_text(filled(text, mark, part()), encoding="utf-8")
    return 0
