"""What a module of experiments offers: functions, told apart by their annotations."""

import inspect
import typing
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import fiddle as fdl


def list_experiments(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """The experiments of `module`: public functions that return a ``fdl.Config``."""
    return {
        name: function
        for name, function, first, result in _public_functions(module)
        if _is_config(result) and not _is_config(first)
    }


def list_fiddlers(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """The fiddlers of `module`: public functions whose first parameter is a ``fdl.Config``."""
    return {
        name: function
        for name, function, first, _ in _public_functions(module)
        if _is_config(first)
    }


def catalogue_text(module: ModuleType) -> str:
    """What there is to choose from, one line each with the first line of the docstring."""
    lines = []
    for heading, functions in (
        ("experiments, config:NAME", list_experiments(module)),
        ("variations, fiddler:NAME", list_fiddlers(module)),
    ):
        width = max(map(len, functions), default=0)
        lines.append(f"{heading}\n")
        for name, function in functions.items():
            summary = (inspect.getdoc(function) or "").partition("\n")[0]
            lines.append(f"  {name:{width}}  {summary}".rstrip() + "\n")
    return "".join(lines)


def _public_functions(
    module: ModuleType,
) -> Iterator[tuple[str, Callable[..., Any], Any, Any]]:
    for name, function in vars(module).items():
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        signature = inspect.signature(function, eval_str=True)
        parameters = list(signature.parameters.values())
        first = parameters[0].annotation if parameters else None
        yield name, function, first, signature.return_annotation


def _is_config(annotation: Any) -> bool:
    kind = typing.get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, fdl.Buildable)
