"""From a configuration to the objects it describes, with errors that name the field."""

import re
from typing import Any

import fiddle as fdl
from fiddle import daglish
from pydantic import BaseModel, ValidationError

from ..errors import UserError
from .fields import describe, dotted, opened

# A check that spans several fields says in its message which one is at fault: "num_heads: 5 ...".
_FIELD_IN_MESSAGE = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*): (.+)", re.DOTALL)

_FAILED = object()

# No setting is as large; beyond, integers overflow and counts never end.
_LARGEST = 1e10


def build(config: fdl.Config) -> Any:
    """Build the object that `config` describes, and every object below it.

    Args:
        config: The configuration of an experiment.

    Returns:
        What ``fdl.build(config)`` returns.

    Raises:
        UserError: Values are missing, of the wrong type or impossible; one line for each, which
            begins with the dotted name of the field.
    """
    config = opened(config)
    problems = [
        f"{dotted(path)}: {problem}"
        for value, path in daglish.iterate(config, memoize_internables=False)
        if (problem := _impossible(value))
    ]

    def visit(value: Any, state: daglish.State) -> Any:
        if not state.is_traversable(value):
            return value
        node = state.map_children(value)
        if not isinstance(node, fdl.Buildable):
            return node
        path, kind = dotted(state.current_path), fdl.get_callable(node)
        is_settings = isinstance(kind, type) and issubclass(kind, BaseModel)
        try:
            if is_settings and isinstance(node, fdl.Config):
                # Also where a field below has failed, so that all mistakes are told at once.
                # `fdl.build` cannot re-raise pydantic's errors and would log a traceback.
                return kind(
                    **{str(name): child for name, child in fdl.ordered_arguments(node).items()}
                )
            if all(leaf is not _FAILED for leaf, _ in daglish.iterate(node)):
                return fdl.build(node)
        except ValidationError as error:
            problems.extend(_lines(error, path))
        except ValueError as error:
            problems.append(_join(path, str(error)))
        return _FAILED

    result = None if problems else daglish.MemoizedTraversal.run(visit, config)
    if problems:
        raise UserError("\n".join(problems))
    return result


def _impossible(value: Any) -> str | None:
    """What is wrong with a value, whichever field it is of."""
    if isinstance(value, int | float) and not abs(value) <= _LARGEST:
        return f"should be a finite number of at most {_LARGEST:g}, not {describe(value)}"
    if isinstance(value, str) and re.search(r"[\x00\ud800-\udfff]", value):
        return f"should have no null characters and no halves of others, not {describe(value)}"
    return None


def _lines(error: ValidationError, path: str) -> list[str]:
    lines = []
    for problem in error.errors(include_url=False, include_context=False):
        if problem["input"] is _FAILED:
            continue  # a consequence of what failed below
        field = path
        for part in problem["loc"]:
            field += f"[{part}]" if isinstance(part, int) else f".{part}"
        field = field.removeprefix(".")
        message = problem["msg"].removeprefix("Input ")
        if problem["type"] == "value_error":
            message = message.removeprefix("Value error, ")
        elif problem["type"] == "missing":
            message = "is required"
        elif problem["type"] == "extra_forbidden":
            message = "no such field"
        else:
            message += f", not {describe(problem['input'])}"
        lines.append(_join(field, message))
    return lines


def _join(path: str, message: str) -> str:
    message = " ".join(message.split())
    named = _FIELD_IN_MESSAGE.fullmatch(message)
    if named is not None:
        path, message = f"{path}.{named[1]}".removeprefix("."), named[2]
    return f"{path}: {message}" if path else message
