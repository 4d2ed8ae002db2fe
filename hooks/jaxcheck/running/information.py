"""What the command line tells about jaxcheck itself: its rules, its settings, its copy."""

import argparse
import json
import sys
from pathlib import Path

from ..catalogue import names, rules
from ..command_line import show
from .configuration import ConfigurationError, schema
from .results import CLEAN, FINDINGS
from .spelling import suggestion

CHANGED = """{file} is not as it was delivered.
Restore it: `git log -- {file}` shows the commit that changed it, and
`git checkout COMMIT~ -- {file}` brings back what was there; `uvx copier update` puts that of the
newest release in its place.
What your project alone knows (names of dimensions, helpers, exceptions) belongs into
[tool.jaxcheck] of pyproject.toml, and rules that are wrong into a report.
"""
SUPERSEDED = """{folder} is the linter of a release before 0.5, and {file} has taken its place.
This removes it if nothing in it has been edited, and else names what has been:
  uv run python {folder} --verify && rm -r {folder}
"""


def run(options: argparse.Namespace) -> int:
    """Prints what the options ask for, and returns the exit status.

    Raises:
        ConfigurationError: They ask for something that there is not.
    """
    if options.verify:
        return _verify()
    if options.explain:
        text = _explained(options.explain)
    elif options.print_schema:
        text = json.dumps(schema(), indent=2) + "\n"
    else:
        text = _listed(options.format)
    show(text, options.output)
    return CLEAN


def _explained(name: str) -> str:
    from .pages import explanation

    rule = rules().get(names().get(name, name.upper()))
    if rule is None:
        guess = suggestion(name, [*rules(), *names()])
        raise ConfigurationError(f"there is no rule `{name}`{guess}; --list-rules lists them")
    return explanation(rule)


def _listed(form: str) -> str:
    from ..reporting import listing

    if form not in ("text", "json"):
        raise ConfigurationError("--list-rules has the formats text and json")
    return (listing.as_json if form == "json" else listing.as_text)(rules().values())


def _verify() -> int:
    from . import archive

    file = archive.running()
    if file is None:
        raise ConfigurationError(
            "--verify is for jaxcheck.pyz, the file in which a project carries jaxcheck; this one "
            "runs from a folder"
        )
    shown = _shown(file)
    if folder := archive.superseded(file):
        sys.stderr.write(SUPERSEDED.format(file=shown, folder=_shown(folder)))
    if not archive.is_unchanged(file):
        sys.stderr.write(CHANGED.format(file=shown))
        return FINDINGS
    print(f"{shown} is as it was delivered")
    return CLEAN


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
