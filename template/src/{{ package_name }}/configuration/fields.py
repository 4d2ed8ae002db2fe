"""The fields of a configuration: their dotted names, their values, the nearest to a typo."""

import copy
import dataclasses
import difflib
from collections.abc import Collection, Iterator
from typing import Any

import fiddle as fdl
from fiddle import daglish
from pydantic import BaseModel

from ..settings import is_free


def dotted(path: daglish.Path) -> str:
    """`path` as it is written on the command line: ``model.d_model``, ``layers[0].d_ff``."""
    return daglish.path_str(path).removeprefix(".")


def arguments(node: fdl.Buildable) -> dict[str, Any]:
    """All fields of `node` with the values that it will be built with, defaults included.

    The value is ``fdl.NO_VALUE`` where one is still required.
    """
    given = fdl.ordered_arguments(node)
    values = fdl.ordered_arguments(
        node, include_positional=False, include_defaults=True, include_unset=True
    )
    # A signature shows a placeholder where pydantic has a default factory.
    for name, field in getattr(fdl.get_callable(node), "model_fields", {}).items():
        if field.default_factory is not None and name not in given:
            values[name] = field.get_default(call_default_factory=True)
    return {str(name): value for name, value in values.items()}


def opened(config: fdl.Config, *, defaults: bool = False) -> fdl.Config:
    """A copy of `config` in which every settings object is a configuration of its own.

    Settings that were built already, given or by default, could not be changed from the command
    line: ``set:optimizer.schedule.kind=wsd`` needs a configuration at ``optimizer.schedule``.

    Args:
        config: The configuration.
        defaults: Also write out the default of every field that is not set.
    """

    def open_settings(value: Any, state: daglish.State) -> Any:
        if isinstance(value, BaseModel):
            given = {name: getattr(value, name) for name in value.model_fields_set}
            return opened(fdl.Config(type(value), **given), defaults=defaults)
        if isinstance(value, fdl.Buildable) or not state.is_traversable(value):
            return value
        return state.map_children(value)

    config = copy.deepcopy(config)
    for node, _ in list(daglish.iterate(config)):
        if not isinstance(node, fdl.Buildable):
            continue
        given = fdl.ordered_arguments(node)
        for name, value in arguments(node).items():
            holds_settings = any(isinstance(each, BaseModel) for each, _ in daglish.iterate(value))
            unset = name not in given and value is not fdl.NO_VALUE
            if holds_settings or (defaults and unset):
                setattr(node, name, daglish.BasicTraversal.run(open_settings, value))
    return config


@dataclasses.dataclass(frozen=True)
class Entry:
    """A field, or a group of fields, of a configuration.

    Attributes:
        path: Dotted name; empty for the configuration itself.
        value: Its value; the class for a group; ``fdl.NO_VALUE`` where a value is still required.
        default: Whether the value is the field's default because none was given.
        free: Whether the field, or a group around it, is marked as `settings.FREE`.
    """

    path: str
    value: Any
    default: bool = False
    free: bool = False


def entries(
    value: Any, path: str = "", default: bool = False, free: bool = False
) -> Iterator[Entry]:
    """The fields of an `opened` configuration in order, each group before its fields."""
    parts: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        parts = list(value.items())
    elif isinstance(value, list | tuple):
        parts = list(enumerate(value))
    if isinstance(value, fdl.Buildable):
        kind, given = fdl.get_callable(value), fdl.ordered_arguments(value)
        yield Entry(path, kind, free=free)
        for name, child in arguments(value).items():
            below = f"{path}.{name}".removeprefix(".")
            unset = name not in given and child is not fdl.NO_VALUE
            yield from entries(child, below, unset, free or is_free(kind, name))
    elif any(isinstance(each, fdl.Buildable) for _, each in parts):
        for key, each in parts:
            yield from entries(each, f"{path}[{key!r}]", default, free)
    else:
        yield Entry(path, value, default, free)


def describe(value: Any) -> str:
    """`value` in a few words, without memory addresses."""
    if value is fdl.NO_VALUE:
        return "(absent)"
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def nearest(name: str, candidates: Collection[str], cutoff: float = 0.6) -> str:
    """``; did you mean X or Y?`` with the nearest of `candidates`, or the empty string."""
    close = difflib.get_close_matches(name, candidates, n=2, cutoff=cutoff)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def nearest_field(path: str, config: fdl.Config) -> str:
    """``; did you mean X or Y?`` with the full names of the fields of `config` nearest to `path`.

    A neighbour that is spelt alike comes first, then a field of (nearly) this name anywhere, so
    that ``learning_rate`` finds ``optimizer.learning_rate``.
    """
    group, _, last = path.rpartition(".")
    fields = [entry.path for entry in entries(config) if entry.path]
    neighbours = [one for one in fields if one.rpartition(".")[0] == group]
    names = {one.rpartition(".")[2] for one in fields}
    alike = difflib.get_close_matches(last, names, n=1, cutoff=0.7)
    elsewhere = [one for one in fields if one.rpartition(".")[2] in alike]
    return nearest(path, neighbours, cutoff=0.8) or nearest(path, elsewhere, cutoff=0.0)
