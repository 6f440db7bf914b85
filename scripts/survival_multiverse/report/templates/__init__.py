"""The page's template and styles, beside this module."""

from collections.abc import Sequence
from typing import Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


class Glossary(Protocol):
    """The terms of a page, and what marks each of them where it is first used."""

    @property
    def entries(self) -> Sequence[object]:
        """Return the terms, for ``glossary.jinja``."""

    def __call__(self, text: object) -> Markup:
        """Return text, the first use of each term marked."""


def environment(glossary: Glossary) -> Environment:
    """Return the templates of one page, escaping everything unless marked safe; unknown names are errors.

    Parameters
    ----------
    glossary
        The filter ``explained`` of the templates, and the entries of ``glossary.jinja``; it remembers what
        it has explained, so each page needs its own.
    """
    made = Environment(
        loader=PackageLoader("survival_multiverse.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["explained"] = glossary
    made.globals["glossary"] = glossary.entries
    return made
