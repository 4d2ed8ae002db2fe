"""The command line's ``--config=`` directives.

- ``config:NAME`` starts from an experiment of `experiments.py`, ``config_file:PATH`` from the
  JSON that a run has saved; without either the experiment is ``base``.
- ``fiddler:NAME(ARGUMENTS)`` applies a function of `experiments.py` that changes the configuration.
  ``MODULE.NAME`` takes either from another module at the top of the package, such as ``data``.
- ``set:FIELD=VALUE`` sets one field. The value is a Python literal; what is none is text, so that
  ``set:model.remat=full`` needs no quotes.

They are those of Fiddle's command-line flag. What Fiddle would find out when a directive is carried
out is checked before, so that the message says what to write instead.
"""

import ast
import importlib
import inspect
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import fiddle as fdl
from beartype.door import is_bearable
from fiddle import daglish

from ..errors import UserError
from ..files import read_text
from .catalogue import catalogue
from .fields import arguments, describe, dotted, nearest, nearest_field, opened
from .saving import load_json

_STARTS = ("config", "config_file")


def compose(directives: Iterable[str], experiments: ModuleType) -> fdl.Config:
    """Carry out directives in their order.

    Args:
        directives: What stood behind each ``--config=``.
        experiments: The module with the experiments and the fiddlers.

    Returns:
        The configuration of an experiment. Types and values are checked when it is built.

    Raises:
        UserError: A directive cannot be carried out.
    """
    directives = list(directives)
    if not directives or _split(directives[0])[0] not in _STARTS:
        directives.insert(0, "config:base")
    config: Any = None
    for directive in directives:
        kind, expression = _split(directive)
        try:
            config = _carry_out(kind, expression, config, experiments)
        except (UserError, ValueError) as error:
            raise UserError(f"{directive}: {error}") from error
    return config


def _split(directive: str) -> tuple[str, str]:
    kind, colon, expression = directive.partition(":")
    if not colon or kind not in (*_STARTS, "fiddler", "set") or not expression:
        allowed = "config:NAME, config_file:PATH, fiddler:NAME(...) or set:FIELD=VALUE"
        raise UserError(f"--config={directive}: not a directive; write {allowed}")
    return kind, expression


def _carry_out(
    kind: str, expression: str, config: fdl.Config | None, experiments: ModuleType
) -> fdl.Config:
    """Carry out one directive; `config` is None for the first."""
    if config is not None and kind == "set":
        _assign(expression, config)
        return config
    if config is not None and kind in _STARTS:
        raise UserError(f"{' and '.join(_STARTS)} must come first, and only once")
    if kind == "config_file":
        return opened(load_json(read_text(Path(expression))))
    return opened(_call(expression, experiments, config))


def _call(expression: str, module: ModuleType, config: fdl.Config | None) -> Any:
    """Call what ``[MODULE.]NAME[(ARGUMENTS)]`` names: a fiddler of `config`, or an experiment."""
    name, parenthesis, rest = expression.partition("(")
    if "." in name:
        other, name = name.split(".", maxsplit=1)
        module = _sibling(module, other)
    noun, leading = ("experiment", []) if config is None else ("fiddler", [config])
    functions = catalogue(module)[noun]
    if name not in functions:
        known = ", ".join(functions) or "none"
        raise UserError(f"no {noun} {name}{nearest(name, functions)} ({noun}s: {known})")
    try:
        call = ast.parse(f"{name}{parenthesis or '()'}{rest}", mode="eval").body
        if not isinstance(call, ast.Call):
            raise SyntaxError
        given = [ast.literal_eval(value) for value in call.args]
        named = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise UserError(f"give literal arguments, as in {name}(factor=2, kind='x')") from error
    signature = inspect.signature(functions[name], eval_str=True)
    try:
        bound = signature.bind(*leading, *given, **named)
    except TypeError as error:
        raise UserError(str(error)) from error
    for parameter, value in list(bound.arguments.items())[len(leading) :]:
        expected = signature.parameters[parameter].annotation
        if expected is not inspect.Parameter.empty and not is_bearable(value, expected):
            kind = inspect.formatannotation(expected)
            raise UserError(f"{parameter} should be {kind}, not {describe(value)}")
    changed = functions[name](*bound.args, **bound.kwargs)
    return config if changed is None else changed


def _sibling(experiments: ModuleType, name: str) -> ModuleType:
    """Another module of the package that `experiments` is in."""
    package = experiments.__name__.rpartition(".")[0]
    try:
        return importlib.import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"{package}.{name}":  # it is there, and lacks another
            raise
        raise UserError(f"there is no module {name} in {package}") from error


def _assign(expression: str, config: fdl.Config) -> None:
    """Carry out ``FIELD=VALUE``, once it is certain that the field exists."""
    field, equals, value = expression.partition("=")
    field = field.strip()
    if not equals or not field:
        raise UserError("no value; write set:FIELD=VALUE")
    try:
        path = daglish.parse_path(f".{field}")
    except ValueError as error:
        raise UserError(f"{field} is not the name of a field") from error
    node: Any = config
    for depth, element in enumerate(path, start=1):
        _check_element(config, node, path[:depth])
        if depth < len(path):
            try:
                node = element.follow(node)
            except AttributeError as error:
                where = dotted(path[:depth])
                raise UserError(f"{where} has no value yet, so no fields") from error
    last = path[-1]
    if isinstance(last, daglish.Attr):
        setattr(node, last.name, _literal(value))
    elif isinstance(last, daglish.Key):
        node[last.key] = _literal(value)


def _check_element(config: fdl.Config, node: Any, path: daglish.Path) -> None:
    """Check that the last element of `path` is there to be set or followed in `node`."""
    last, group = path[-1], dotted(path[:-1])
    if isinstance(node, fdl.Buildable) and isinstance(last, daglish.Attr):
        known = arguments(node)
        if last.name not in known:
            fields = f" (fields{f' of {group}' if group else ''}: {', '.join(known)})"
            hint = nearest_field(dotted(path), config) or fields
            raise UserError(f"no field {dotted(path)}{hint}")
    elif isinstance(node, list | tuple | dict) and isinstance(last, daglish.Key):
        try:
            node[last.key]
        except (LookupError, TypeError) as error:
            raise UserError(f"there is no {dotted(path)}") from error
    else:
        raise UserError(f"{group} is one value; set it as a whole")


def _literal(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
