"""Property tests: the first example of a kernel may compile it, and every run tries the same examples."""

from hypothesis import settings

settings.register_profile("compiled", deadline=None, derandomize=True)
settings.load_profile("compiled")
