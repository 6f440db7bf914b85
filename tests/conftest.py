"""Property tests try the same examples every time; tests that share a study or a browser share a worker."""

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

# The first example of a kernel may compile it.
settings.register_profile("compiled", deadline=None, derandomize=True)
settings.load_profile("compiled")

SHARED = ("tests/workflow/test_audit.py", "tests/workflow/", "tests/browser/")
"""Tests with a fixture that takes long to make; a study for the audit, and one for all else."""


class Scheduling(LoadScopeScheduling):
    """Keeps tests that share a fixture on one worker, starts with them, and spreads the others one by one."""

    def _split_scope(self, nodeid):
        return next((folder for folder in SHARED if nodeid.startswith(folder)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return Scheduling(config, log)
