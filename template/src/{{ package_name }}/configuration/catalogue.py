"""What a module of experiments offers: functions, told apart by their annotations."""

import inspect
import typing
from collections.abc import Callable
from types import ModuleType
from typing import Any

import fiddle as fdl


def catalogue(module: ModuleType) -> dict[str, dict[str, Callable[..., Any]]]:
    """The public functions of `module`, by name, that are an ``experiment`` or a ``fiddler``.

    An experiment returns a ``fdl.Config``; a fiddler's first parameter is one.
    """
    found: dict[str, dict[str, Callable[..., Any]]] = {"experiment": {}, "fiddler": {}}
    for name, function in vars(module).items():
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        signature = inspect.signature(function, eval_str=True)
        parameters = list(signature.parameters.values())
        if parameters and _is_config(parameters[0].annotation):
            found["fiddler"][name] = function
        elif _is_config(signature.return_annotation):
            found["experiment"][name] = function
    return found


def catalogue_text(module: ModuleType) -> str:
    """What there is to choose from, one line each with the first line of the docstring."""
    lines = []
    headings = ("experiments, config:NAME", "variations, fiddler:NAME")
    for heading, functions in zip(headings, catalogue(module).values(), strict=True):
        width = max(map(len, functions), default=0)
        lines.append(f"{heading}\n")
        for name, function in functions.items():
            summary = (inspect.getdoc(function) or "").partition("\n")[0]
            lines.append(f"  {name:{width}}  {summary}".rstrip() + "\n")
    return "".join(lines)


def _is_config(annotation: Any) -> bool:
    kind = typing.get_origin(annotation) or annotation
    return isinstance(kind, type) and issubclass(kind, fdl.Buildable)
