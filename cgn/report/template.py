"""The jinja2 environment of the pages; their templates are beside this file."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cgn.report.tables import signed


def page_environment() -> Environment:
    """Escapes what it is given, and refuses names that are unknown. It has the filter `signed`."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["signed"] = signed
    return environment
