"""Validate crates without a network: python validate_crate.py CONTEXT CACHE CRATE...

CONTEXT is the JSON-LD context of RO-Crate 1.1 (rocrate/data/ro-crate.jsonld of rocrate 0.14). Run by a Python
that has roc-validator. Exit code 1 if a requirement or a recommendation is not met.
"""

import io
import json
import sys
from pathlib import Path

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester
from urllib3 import HTTPResponse

CONTEXT_URL = "https://w3id.org/ro/crate/1.1/context"
PROFILE = "provenance-run-crate-0.5"


class FileAdapter(BaseAdapter):
    """Answers every request with one file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.content = path.read_bytes()

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        raw = HTTPResponse(
            io.BytesIO(self.content),
            headers={"Content-Type": "application/ld+json"},
            status=200,
            preload_content=False,
            request_url=request.url,
        )
        return HTTPAdapter().build_response(request, raw)

    def close(self) -> None:
        """Nothing is open."""


def seed_cache(context: Path, cache: Path) -> None:
    """Put the context into the validator's cache as if it had been fetched."""
    HttpRequester.initialize_cache(cache_path=str(cache), cache_max_age=-1)
    requester = HttpRequester()
    requester.session.mount("https://w3id.org/", FileAdapter(context))
    requester.get(CONTEXT_URL, headers={"Accept": "application/ld+json, application/json"})


def issues(crate: Path, cache: Path) -> list[str]:
    """What the validator finds in a crate, up to recommendations, in two readings.

    In its folder, with every file that it names; and as if published, by its metadata alone. That a workflow
    should have an absolute identifier is for the second to say: in a folder the identifier is a ``file:``.
    """
    metadata = json.loads((crate / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    in_folder = [issue for issue in _found(crate, cache) if not _due_to_the_folder(issue)]
    published = _found(crate, cache, metadata_dict=metadata)
    return [
        f"{issue.severity.name}: {issue.message} ({issue.violatingEntity})" for issue in in_folder + published
    ]


def _found(crate: Path, cache: Path, **reading: object) -> list[models.CheckIssue]:
    settings = models.ValidationSettings(
        rocrate_uri=crate,
        profile_identifier=PROFILE,
        requirement_severity=models.Severity.RECOMMENDED,
        offline=True,
        cache_path=cache,
        **reading,
    )
    return services.validate(settings).get_issues(models.Severity.RECOMMENDED)


def _due_to_the_folder(issue: models.CheckIssue) -> bool:
    is_file = str(issue.violatingPropertyValue).startswith("file:")
    return is_file and issue.message == "The SoftwareApplication id SHOULD be an absolute URI"


def main() -> int:
    context, cache, *crates = map(Path, sys.argv[1:])
    seed_cache(context, cache)
    found = [(crate, issue) for crate in crates for issue in issues(crate, cache)]
    for crate, issue in found:
        print(f"{crate}: {issue}")
    for level in ("REQUIRED", "RECOMMENDED"):
        print(f"{level}: {sum(issue.startswith(level) for _, issue in found)} issues")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
