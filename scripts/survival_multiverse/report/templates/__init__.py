"""The page's template and styles, beside this module."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def environment() -> Environment:
    """Return the templates, escaping everything unless marked safe; a name that is not given is an error."""
    return Environment(
        loader=PackageLoader("survival_multiverse.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
