"""Property tests try the same examples every time; tests that share a study or a browser share a worker."""

import pytest
from hypothesis import settings

# The first example of a kernel may compile it.
settings.register_profile("compiled", deadline=None, derandomize=True)
settings.load_profile("compiled")

SHARED = ("workflow", "browser")
"""Folders of tests with a fixture that takes long to make."""


def pytest_collection_modifyitems(items):
    """Keep the tests of these folders together, and start with them: the other workers have enough to do."""
    for item in items:
        if item.path.parent.name in SHARED:
            item.add_marker(pytest.mark.xdist_group(item.path.parent.name))
    items.sort(key=lambda item: item.path.parent.name not in SHARED)
