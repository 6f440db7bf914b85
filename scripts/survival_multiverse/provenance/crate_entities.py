"""Entities of a crate whose root is ``results``: files with their digests, and entities without a file."""

from collections.abc import Mapping
from hashlib import sha1
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.model.file import File
from rocrate.rocrate import ROCrate

Reference = dict[str, str]

SHA256 = "https://w3id.org/ro/terms/workflow-run#sha256"
ARCHIVE = "https://archive.softwareheritage.org"
"""Resolves the identifier of a file's content, once somebody has had the content archived there."""
FORMATS = {
    ".css": "text/css",
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}


class CrateEntities:
    """A crate that is being filled.

    Parameters
    ----------
    study
        Directory of the study.
    files
        Size and digest of every file of the crate, by path.
    date
        When the study last ran, in ISO 8601.
    """

    def __init__(self, study: Path, files: Mapping[str, Mapping[str, Any]], date: str) -> None:
        self.study, self.files, self.date = study, files, date
        # The newest version that the profile is written for.
        self.crate = ROCrate(version="1.1")
        self.crate.metadata.extra_terms["sha256"] = SHA256

    def add(self, identifier: str, kind: str | list[str], /, **properties: Any) -> Reference:
        """Add an entity without a file; properties that are empty lists are left out."""
        entity = ContextEntity(self.crate, identifier, properties={"@type": kind, **_given(properties)})
        self.crate.add(entity)
        return {"@id": entity.id}

    def add_file(self, path: str, **properties: Any) -> Reference:
        """Add a file of the study by its path."""
        entry, name = self.files[path], path.removeprefix("results/")
        kept = {"name": name, "contentSize": str(entry["bytes"]), "sha256": entry["sha256"]}
        kept["sdDatePublished"] = self.date
        kept["encodingFormat"] = FORMATS.get(Path(path).suffix, "text/plain")
        self.crate.add(File(self.crate, dest_path=name, properties={**kept, **_given(properties)}))
        return self.reference(path)

    def add_parameter(self, owner: str, name: str, examples: list[Reference]) -> Reference:
        """Add a formal parameter, tied both ways to what took its place in the run."""
        files = all(f"results/{example['@id']}" in self.files for example in examples)
        kind = "File" if files else "PropertyValue"
        parameter = self.add(
            f"#{owner}-{name}", "FormalParameter", name=name, additionalType=kind, workExample=examples
        )
        for example in examples:
            self.crate.dereference(example["@id"]).append_to("exampleOfWork", parameter, compact=True)
        return parameter

    def reference(self, path: str) -> Reference:
        """Return a reference to a file of the study."""
        return {"@id": path.removeprefix("results/")}

    def archived(self, path: str) -> str:
        """Return the absolute identifier of a file's content, computed from it (a SWHID, ISO/IEC 18670)."""
        content = (self.study / path).read_bytes()
        header = f"blob {len(content)}\0".encode()
        return f"{ARCHIVE}/swh:1:cnt:{sha1(header + content, usedforsecurity=False).hexdigest()}"


def _given(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Drop empty lists of properties, and unwrap lists of one, which some readers cannot handle."""
    return {
        name: value[0] if isinstance(value, list) and len(value) == 1 else value
        for name, value in properties.items()
        if value != []
    }
