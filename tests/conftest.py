"""Property tests try the same examples every time; tests that share a study or a browser share a worker."""

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# The first example of a kernel may compile it.
settings.register_profile("compiled", deadline=None, derandomize=True)
settings.load_profile("compiled")

PAGE = (
    "chart_files",
    "comparability",
    "disclosure",
    "disclosure_attack",
    "exports",
    "published_marks",
    "report",
)
GROUPS = {
    "study": ("tests/workflow/",),
    "page": ("tests/browser/", *(f"tests/unit/test_{name}.py" for name in PAGE)),
}
"""Tests with a fixture that takes long to make, a finished study or a page of everything, by its name."""


class Scheduling(LoadScopeScheduling):
    """Keeps tests that share a fixture on one worker, starts with them, and spreads the others one by one."""

    def _split_scope(self, nodeid):
        # The audits of the slow tests are as many as all else that needs a study: a study of their own.
        if self.config.option.markexpr != "not slow" and nodeid.startswith("tests/workflow/test_audit.py"):
            return "audit"
        return next((name for name, places in GROUPS.items() if nodeid.startswith(places)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)
