"""Property tests: the first example of a kernel may compile it, and every run tries the same examples."""

from hypothesis import settings

settings.register_profile("compiled", deadline=None, derandomize=True)
settings.load_profile("compiled")


def pytest_collection_modifyitems(items):
    """Whole studies first: a worker left with one at the end keeps the others waiting."""
    items.sort(key=lambda item: item.path.parent.name != "workflow")
