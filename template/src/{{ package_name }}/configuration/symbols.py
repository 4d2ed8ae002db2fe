"""What a saved configuration may name: code of this project, and what its experiments use.

A saved configuration refers to classes and functions by name: reading it imports them, building it
calls them. A run directory may come from anywhere, so names are checked before that.
"""

import ast
import contextlib
import enum
import functools
import importlib
import inspect
import operator
from collections.abc import Iterator
from typing import Any

import fiddle as fdl
from fiddle import daglish
from fiddle.experimental import serialization
from pydantic import BaseModel

from .fields import dotted

Symbol = tuple[str, str]
"""A module, and a name in it."""

_PACKAGE = __name__.rpartition(".configuration.")[0]

# What holds the values together.
_FRAME = {
    *(("builtins", name) for name in ("dict", "frozenset", "list", "set", "tuple")),
    *(("fiddle._src.config", name) for name in ("BuildableTraverserMetadata", "Config", "NoValue")),
    *(("fiddle._src.partial", name) for name in ("ArgFactory", "Partial")),
}

# No configuration has as many, but values that refer to each other may stand for endless ones.
_MOST_VALUES = 50_000


class OfProject(serialization.PyrefPolicy):
    """Allows what belongs to the project by the name that is given, and by its own."""

    def allows_import(self, module: str, symbol: str) -> bool:
        """Whether this may be imported."""
        of_package = f"{module}.".startswith(f"{_PACKAGE}.")
        return of_package or (module, symbol) in _FRAME or (module, symbol) in _used()

    def allows_value(self, value: Any) -> bool:
        """Whether it stands where it was defined, and not where it was merely imported."""
        constant = not _is_code(value) and not isinstance(value, enum.Enum)
        return not constant and self.allows_import(*_symbol(value))


def named(saved: Any) -> Iterator[tuple[str, Symbol]]:
    """The symbols of a configuration in JSON, each after the field that it is in.

    Raises:
        LookupError: It is no saved configuration, or too large.
        TypeError: Likewise.
    """
    left = iter(range(_MOST_VALUES))

    def walk(value: Any, field: str) -> Iterator[tuple[str, Symbol]]:
        if next(left, None) is None:
            raise LookupError
        if isinstance(value, list):
            for each in value:
                yield from walk(each, field)
        elif isinstance(value, dict):
            for path in value.get("paths", [])[:1]:
                field = path.removeprefix("<root>").removeprefix(".")
            if value["type"] == "ref":
                yield from walk(saved["objects"][value["key"]], field)
            elif value["type"] == "pyref":
                yield field, (value["module"], value["name"])
            elif value["type"] != "leaf":
                yield from walk([value["type"], value["items"], value["metadata"]], field)

    return walk(saved["root"], "")


def strange_targets(config: fdl.Buildable) -> Iterator[tuple[str, Symbol]]:
    """What building `config` would call that are no settings and that no experiment uses."""
    for value, path in daglish.iterate(config):
        if isinstance(value, fdl.Buildable):
            target = fdl.get_callable(value)
            settings = isinstance(target, type) and issubclass(target, BaseModel)
            if not settings and _symbol(target) not in _used():
                yield dotted(path), _symbol(target)


def _symbol(value: Any) -> Symbol:
    """Where a class, a function, or the class of anything else says that it was defined."""
    kind = value if _is_code(value) else type(value)
    return str(getattr(kind, "__module__", "")), kind.__qualname__


def _is_code(value: Any) -> bool:
    return isinstance(value, type) or inspect.isroutine(value)


@functools.cache
def _used() -> frozenset[Symbol]:
    """What `experiments.py` passes on by its name, such as ``optax.lion``, and does not call."""
    experiments = importlib.import_module(f"{_PACKAGE}.experiments")
    nodes = list(ast.walk(ast.parse(inspect.getsource(experiments))))
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    names = [node for node in nodes if isinstance(node, ast.Name | ast.Attribute)]
    used = set()
    for name in names:
        if name not in called:
            with contextlib.suppress(AttributeError):  # a local variable
                value = operator.attrgetter(ast.unparse(name))(experiments)
                used.update([_symbol(value)] if _is_code(value) else ())
    return frozenset(used)
