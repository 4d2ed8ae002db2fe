"""The command line's ``--config=`` directives, carried out by Fiddle's own flag.

- ``config:NAME`` starts from an experiment of `experiments.py`, ``config_file:PATH`` from the
  JSON that a run has saved; without either the experiment is ``base``.
- ``fiddler:NAME(ARGUMENTS)`` applies a function of `experiments.py` that changes the configuration.
  ``MODULE.NAME`` takes either from another module at the top of the package, such as ``data``.
- ``set:FIELD=VALUE`` sets one field. The value is a Python literal; what is none is text, so that
  ``set:model.remat=full`` needs no quotes.
"""

import ast
import importlib
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import fiddle as fdl
from absl import flags
from beartype.door import is_bearable
from fiddle import absl_flags, daglish

from ..errors import UserError
from .catalogue import list_experiments, list_fiddlers
from .fields import describe, dotted, field_names, nearest, nearest_field, opened
from .saving import load_json

_STARTS = ("config", "config_file")
_KINDS = (*_STARTS, "fiddler", "set")


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
    flag = absl_flags.FiddleFlag(
        name="config",
        default=None,
        default_module=experiments,
        parser=flags.ArgumentParser(),
        serializer=None,
        help_string="directives that compose the configuration",
    )
    config = _start(flag, directives[0], experiments)
    for directive in directives[1:]:
        kind, expression = _split(directive)
        if kind in _STARTS:
            raise UserError(f"{directive}: {' and '.join(_STARTS)} must come first, and only once")
        if kind == "fiddler":
            flag.default_module, expression = _looked_up(directive, expression, experiments)
            fiddlers = list_fiddlers(flag.default_module)
            _check_call(directive, expression, fiddlers, "fiddler", config)
            config = _carry_out(flag, f"fiddler:{expression}")
        else:
            config = _carry_out(flag, _checked_assignment(directive, expression, config))
    return config


def _start(flag: absl_flags.FiddleFlag, directive: str, experiments: ModuleType) -> fdl.Config:
    kind, expression = _split(directive)
    if kind == "config":
        flag.default_module, expression = _looked_up(directive, expression, experiments)
        _check_call(directive, expression, list_experiments(flag.default_module), "experiment")
    else:
        _check_file(directive, Path(expression))
    return _carry_out(flag, f"{kind}:{expression}")


def _looked_up(directive: str, expression: str, experiments: ModuleType) -> tuple[ModuleType, str]:
    """The module of ``MODULE.NAME(...)``, and the rest; without a module, `experiments`."""
    name, dot, _ = expression.partition("(")[0].partition(".")
    if not dot:
        return experiments, expression
    package = experiments.__name__.rpartition(".")[0]
    try:
        return importlib.import_module(f"{package}.{name}"), expression[len(name) + 1 :]
    except ModuleNotFoundError as error:
        if error.name != f"{package}.{name}":  # it is there, and lacks another
            raise
        raise UserError(f"{directive}: there is no module {name} in {package}") from error


def _carry_out(flag: absl_flags.FiddleFlag, directive: str) -> fdl.Config:
    flag.parse([directive])
    try:
        config = opened(cast(fdl.Config, flag.value))
    except ValueError as error:
        raise UserError(f"{directive}: {error}") from error
    flag.value = config
    return config


def _split(directive: str) -> tuple[str, str]:
    kind, colon, expression = directive.partition(":")
    if not colon or kind not in _KINDS or not expression:
        allowed = "config:NAME, config_file:PATH, fiddler:NAME(...) or set:FIELD=VALUE"
        raise UserError(f"--config={directive}: not a directive; write {allowed}")
    return kind, expression


def _check_call(
    directive: str,
    expression: str,
    functions: dict[str, Callable[..., Any]],
    noun: str,
    *leading: Any,
) -> None:
    """Check that `expression`, ``NAME`` or ``NAME(...)``, calls one of `functions` properly."""
    name = expression.partition("(")[0]
    if name not in functions:
        known = ", ".join(functions) or "none"
        raise UserError(
            f"{directive}: no {noun} {name}{nearest(name, functions)} ({noun}s: {known})"
        )
    try:
        call = ast.parse(expression if "(" in expression else f"{expression}()", mode="eval").body
        if not isinstance(call, ast.Call):
            raise SyntaxError
        given = [ast.literal_eval(value) for value in call.args]
        named = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords}
    except (SyntaxError, ValueError) as error:
        raise UserError(
            f"{directive}: give literal arguments, as in {name}(factor=2, kind='x')"
        ) from error
    signature = inspect.signature(functions[name], eval_str=True)
    try:
        bound = signature.bind(*leading, *given, **named)
    except TypeError as error:
        raise UserError(f"{directive}: {error}") from error
    for parameter, value in list(bound.arguments.items())[len(leading) :]:
        expected = signature.parameters[parameter].annotation
        if expected is not inspect.Parameter.empty and not is_bearable(value, expected):
            raise UserError(
                f"{directive}: {parameter} should be {inspect.formatannotation(expected)}, "
                f"not {describe(value)}"
            )


def _check_file(directive: str, path: Path) -> None:
    try:
        load_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{directive}: cannot read the file ({error})") from error
    except UserError as error:
        raise UserError(f"{directive}: {error}") from error


def _checked_assignment(directive: str, expression: str, config: fdl.Config) -> str:
    """The directive with its value as a literal, once it is certain that the field exists."""
    field, equals, value = expression.partition("=")
    field = field.strip()
    if not equals or not field:
        raise UserError(f"{directive}: no value; write set:FIELD=VALUE")
    try:
        path = daglish.parse_path(f".{field}")
    except ValueError as error:
        raise UserError(f"{directive}: {field} is not the name of a field") from error
    node: Any = config
    for position in range(len(path)):
        _check_element(directive, config, node, path[: position + 1])
        if position + 1 < len(path):
            node = _follow(directive, node, path[: position + 1])
    if value.lower() not in ("true", "false"):
        try:
            ast.literal_eval(value)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            value = repr(value)
    return f"set:{field}={value}"


def _follow(directive: str, node: Any, path: daglish.Path) -> Any:
    try:
        return path[-1].follow(node)
    except AttributeError as error:
        raise UserError(f"{directive}: {dotted(path)} has no value yet, so no fields") from error


def _check_element(directive: str, config: fdl.Config, node: Any, path: daglish.Path) -> None:
    """Check that the last element of `path` is there to be set in `node`."""
    last = path[-1]
    if isinstance(node, fdl.Buildable) and isinstance(last, daglish.Attr):
        known = field_names(node)
        if last.name in known:
            return
        hint = nearest_field(dotted(path), config)
        group = dotted(path[:-1])
        where = f" (fields of {group}: " if group else " (fields: "
        raise UserError(
            f"{directive}: no field {dotted(path)}" + (hint or where + ", ".join(known) + ")")
        )
    if isinstance(node, list | tuple | dict) and not isinstance(last, daglish.Attr):
        try:
            last.follow(node)
        except (LookupError, TypeError) as error:
            raise UserError(f"{directive}: there is no {dotted(path)}") from error
        return
    raise UserError(f"{directive}: {dotted(path[:-1])} is one value; set it as a whole")
