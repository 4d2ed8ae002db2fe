"""Configurations as text and JSON, and what differs between two of them."""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import fiddle as fdl
from fiddle.experimental import serialization

from ..errors import UserError
from ..files import read_text
from .fields import describe, entries, opened
from .symbols import OfProject, Symbol, named, strange_targets

# Settings of projects of 0.4.1 and before, which do not say themselves which fields are free.
_ALWAYS_FREE = {"data.directory", "data.threads", "model.unroll_layers", "model.remat"}


@dataclasses.dataclass(frozen=True)
class Difference:
    """A field whose value is not the same in two configurations.

    Attributes:
        path: Dotted name of the field, or of a group of fields that is of another class.
        old: Its value in the first, ``fdl.NO_VALUE`` where it has no such field.
        new: Its value in the second, likewise.
    """

    path: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.path or 'experiment'}: {describe(self.old)} -> {describe(self.new)}"


def flatten(config: fdl.Config) -> str:
    """One line per field, ``model.d_model = 512``; defaults that nobody set are marked."""
    lines = []
    for entry in entries(opened(config)):
        mark = "  # default" if entry.default else ""
        lines.append(f"{entry.path or 'experiment'} = {describe(entry.value)}{mark}\n")
    return "".join(lines)


def dump_json(config: fdl.Config) -> str:
    """`config` as JSON, with all defaults written out.

    A saved configuration thus says what a run was made with, even after a default has changed.
    """
    return serialization.dump_json(opened(config, defaults=True), indent=1) + "\n"


def load_json(text: str) -> fdl.Config:
    """The configuration that `dump_json` wrote. Nothing foreign is imported or called.

    Raises:
        UserError: The text is no such configuration, or names code that is not the project's or
            does not exist any more.
    """
    policy, config = OfProject(), None
    fields: dict[Symbol, str] = {}
    try:
        fields.update((symbol, field) for field, symbol in named(json.loads(text)))
        for symbol, field in fields.items():
            if not policy.allows_import(*symbol):
                raise _foreign(field, symbol)
        config = serialization.load_json(text, policy)
    except serialization.PyrefPolicyError as error:
        symbol = (error.module, error.symbol)
        raise _foreign(fields[symbol], symbol) from error
    except (ImportError, AttributeError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"the configuration names code that is not there: {reason}") from error
    except (
        *(serialization.DeserializationError, AssertionError, LookupError),
        *(RecursionError, TypeError, ValueError),
    ):
        pass
    if not isinstance(config, fdl.Config):
        raise UserError("not a saved configuration, as config.json of a run is one")
    for field, symbol in strange_targets(config):
        raise _foreign(field, symbol)
    return config


def load_file(path: Path) -> fdl.Config:
    """The configuration in a file, such as a run's ``config.json``; see `load_json`.

    Raises:
        UserError: It cannot be read, or holds no such configuration.
    """
    text = read_text(path)
    try:
        return load_json(text)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _foreign(field: str, symbol: Symbol) -> UserError:
    where = f"{field}: " if re.fullmatch(r"[\w.\[\]']{1,100}", field) else ""
    return UserError(
        f"{where}{describe('.'.join(symbol))} is none of this project's settings; nothing was "
        "loaded (what experiments.py uses itself is allowed)"
    )


def differences(old: fdl.Config, new: fdl.Config) -> list[Difference]:
    """The fields that differ, in the order of `new`; unset equals set to the default."""
    before, after = (
        {entry.path: entry.value for entry in entries(opened(each))} for each in (old, new)
    )
    every = (
        Difference(path, before.get(path, fdl.NO_VALUE), after.get(path, fdl.NO_VALUE))
        for path in after | before
    )
    return [each for each in every if each.old != each.new]


def check_resume(old: fdl.Config, new: fdl.Config) -> None:
    """Check that a run may go on with another configuration than it was started with.

    Args:
        old: The configuration that the run was started with.
        new: The configuration that it would go on with.

    Raises:
        UserError: Fields differ that are not marked as `settings.FREE`; the message lists them.
    """
    free = {entry.path for each in (old, new) for entry in entries(opened(each)) if entry.free}
    changed = [each for each in differences(old, new) if each.path not in free | _ALWAYS_FREE]
    if changed:
        raise UserError(
            "the run was started with another configuration ("
            + ", ".join(str(difference) for difference in changed)
            + "); set these fields back, or choose another run directory"
        )
