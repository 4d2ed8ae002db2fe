"""What the command line tells about jaxcheck itself: its rules, its settings, its copy."""

import argparse
import json
import sys

from ..catalogue import names, rules
from ..command_line import show
from .configuration import ConfigurationError, schema
from .results import CLEAN, FINDINGS
from .spelling import suggestion


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
    from . import manifest

    found = manifest.differences()
    problem = found is None or bool(found)
    if problem:
        sys.stderr.write(manifest.advice(found))
    else:
        print(f"{manifest.FOLDER} is as it was delivered")
    return FINDINGS if problem else CLEAN
