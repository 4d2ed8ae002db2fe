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
    """The values that `node` will be built with, by field name, defaults included."""
    given = fdl.ordered_arguments(node, include_positional=False)
    values = fdl.ordered_arguments(node, include_positional=False, include_defaults=True)
    # A signature shows a placeholder where pydantic has a default factory.
    for name, field in getattr(fdl.get_callable(node), "model_fields", {}).items():
        if field.default_factory is not None and name not in given:
            values[name] = field.get_default(call_default_factory=True)
    return {str(name): value for name, value in values.items()}


def field_names(node: fdl.Buildable) -> list[str]:
    """The names of all fields of `node`, set or not."""
    every = fdl.ordered_arguments(
        node, include_positional=False, include_defaults=True, include_unset=True
    )
    return [str(name) for name in every]


def opened(config: fdl.Config, *, defaults: bool = False) -> fdl.Config:
    """A copy of `config` in which every settings object is a configuration of its own.

    Settings that were built already, given or by default, could not be changed from the command
    line: ``set:optimizer.schedule.kind=wsd`` needs a configuration at ``optimizer.schedule``.

    Args:
        config: The configuration.
        defaults: Also write out the default of every field that is not set.
    """
    config = copy.deepcopy(config)
    _open_in_place(config, defaults)
    return config


def _open_in_place(config: fdl.Buildable, defaults: bool) -> None:
    for node, _ in list(daglish.iterate(config)):
        if not isinstance(node, fdl.Buildable):
            continue
        given = fdl.ordered_arguments(node)
        for name, value in arguments(node).items():
            changed = _opened_value(value, defaults)
            if changed is not value:
                setattr(node, name, changed)
            elif defaults and name not in given:
                setattr(node, name, value)


def _opened_value(value: Any, defaults: bool) -> Any:
    """A value with a configuration for every settings object in it; itself where there is none."""
    if isinstance(value, BaseModel):
        fields = {field: getattr(value, field) for field in value.model_fields_set}
        child = fdl.Config(type(value), **fields)
        _open_in_place(child, defaults)
        return child
    if isinstance(value, dict):
        changed = {key: _opened_value(each, defaults) for key, each in value.items()}
        return changed if any(changed[key] is not value[key] for key in value) else value
    if type(value) in (list, tuple):
        items = type(value)(_opened_value(each, defaults) for each in value)
        return items if any(a is not b for a, b in zip(items, value, strict=True)) else value
    return value


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


def entries(config: fdl.Buildable, path: str = "", free: bool = False) -> Iterator[Entry]:
    """The fields of an `opened` configuration in order, each group before its fields."""
    kind = fdl.get_callable(config)
    yield Entry(path, kind, free=free)
    values, given = arguments(config), fdl.ordered_arguments(config)
    for name in field_names(config):
        below = f"{path}.{name}".removeprefix(".")
        value = values.get(name, fdl.NO_VALUE)
        marked = free or is_free(kind, name)
        yield from _entries_of(value, below, name in values and name not in given, marked)


def _entries_of(value: Any, path: str, default: bool, free: bool) -> Iterator[Entry]:
    parts: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        parts = [(f"{path}[{key!r}]", each) for key, each in value.items()]
    elif isinstance(value, list | tuple):
        parts = [(f"{path}[{number}]", each) for number, each in enumerate(value)]
    if isinstance(value, fdl.Buildable):
        yield from entries(value, path, free)
    elif any(isinstance(each, fdl.Buildable) for _, each in parts):
        for name, each in parts:
            yield from _entries_of(each, name, default, free)
    else:
        yield Entry(path, value, default, free)


def describe(value: Any) -> str:
    """`value` in a few words, without memory addresses."""
    if value is fdl.NO_VALUE:
        return "(absent)"
    if isinstance(value, fdl.Buildable):
        return describe(fdl.get_callable(value))
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def nearest(name: str, candidates: Collection[str]) -> str:
    """``; did you mean X?`` with the nearest of `candidates`, or the empty string."""
    close = difflib.get_close_matches(name, candidates, n=2)
    return f"; did you mean {' or '.join(close)}?" if close else ""


def nearest_field(path: str, config: fdl.Config) -> str:
    """``; did you mean X or Y?`` with the full names of the fields of `config` nearest to `path`.

    A neighbour that is spelt alike comes first, then a field of (nearly) this name anywhere, so
    that ``learning_rate`` finds ``optimizer.learning_rate``.
    """
    group, _, last = path.rpartition(".")
    fields = [entry.path for entry in entries(config) if entry.path]
    neighbours = [one for one in fields if one.rpartition(".")[0] == group]
    close = difflib.get_close_matches(path, neighbours, n=2, cutoff=0.8)
    if not close:
        names = {one.rpartition(".")[2] for one in fields}
        alike = difflib.get_close_matches(last, names, n=1, cutoff=0.7)
        close = [one for one in fields if one.rpartition(".")[2] in alike]
    return f"; did you mean {' or '.join(close[:3])}?" if close else ""
