"""Answers in a data file, checked against the questions of the template before anything is made."""

import re
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from . import pristine, quick
from .classes import settings_of
from .project import UpdateError
from .standing import Templates


def wrong_answers(file: Path, address: str) -> list[str]:
    """One line for each answer of a file that the newest release of the template does not take.

    Raises:
        UpdateError: the file cannot be read, or the template.
    """
    data = _load(file)
    with TemporaryDirectory(prefix="copier-jax-") as scratch:
        template = Templates(Path(scratch)).newest(address)
        questions = settings_of(template)
        asked = {
            name
            for name, details in questions.items()
            if name[0] != "_" and not (isinstance(details, dict) and details.get("when") is False)
        }
        unknown = [_unknown(name, asked) for name in data if name not in asked]
        known = {name: answer for name, answer in data.items() if name in asked}
        return unknown + _refused(template, known, Path(scratch, "project"))


def _load(file: Path) -> dict[str, Any]:
    try:
        data = yaml.safe_load(file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UpdateError(f"{file} cannot be read: {error}") from None
    if not isinstance(data, dict) or not all(isinstance(name, str) for name in data):
        raise UpdateError(f"{file} says nothing: give one answer a line, as NAME: VALUE")
    return data


def _unknown(name: str, asked: set[str]) -> str:
    """What to say of a name that is no question."""
    similar = get_close_matches(name, asked, n=1)
    meant = f"; did you mean {similar[0]}?" if similar else ""
    return f"{name}: the template has no such question{meant}"


def _refused(template: Path, answers: dict[str, Any], folder: Path) -> list[str]:
    """What the template says of answers that it refuses."""
    refused = []
    with quick.renders():
        while True:  # Copier stops at the first one, which is left out for the next try
            try:
                pristine.render(template, answers, folder, pretend=True)
            except ValueError as error:
                refused.append(str(error))
                named = re.search(r"'(\w+)'", refused[-1])
                if named is None or answers.pop(named[1], None) is None:
                    return refused
            else:
                return refused
