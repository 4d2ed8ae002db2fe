"""How results are shown: as text, JSON, annotations of GitHub, or SARIF."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..running.results import Results
    from .coverage import Row

FORMATS = {"text": "text", "json": "json_format", "github": "github", "sarif": "sarif"}
"""The modules that render each format; every one has `render(results, coverage)`."""


def render(results: "Results", form: str, coverage: "list[Row] | None" = None) -> str:
    """Returns results, with the coverage report if there is one, in one of `FORMATS`."""
    module = importlib.import_module(f".{FORMATS[form]}", __package__)
    return module.render(results, coverage)
