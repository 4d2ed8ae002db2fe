"""Bindings: what an assignment's target is, and how a value is unpacked into it."""

import ast

from .. import keys
from ..expressions.evaluating import evaluate
from ..expressions.subscripts import element
from ..run import Run
from ..state import path_of
from ..values import Value


def bind(run: Run, target: ast.expr, value: Value, statement: ast.AST) -> None:
    """Binds the target of an assignment, a loop or a `with`, unpacking as Python does."""
    if isinstance(target, ast.Name):
        keys.overwrites(run, target, value, statement)
        run.state.bind(target.id, value)
    elif isinstance(target, ast.Starred):
        bind(run, target.value, value, statement)
    elif isinstance(target, ast.Tuple | ast.List):
        parts = _unpacked(target.elts, value)
        for each, part in zip(target.elts, parts, strict=True):
            bind(run, each, part, statement)
    elif isinstance(target, ast.Attribute | ast.Subscript):
        _store(run, target, value)


def _unpacked(targets: list[ast.expr], value: Value) -> list[Value]:
    """Returns the parts of a value that the elements of a target get."""
    length = len(targets)
    starred = next((i for i, each in enumerate(targets) if isinstance(each, ast.Starred)), None)
    if starred is None:
        if isinstance(value.items, tuple) and len(value.items) == length:
            return list(value.items)
        return [element(value, position) for position in range(length)]
    token = value.token.child("element", ("rest", starred)) if value.token else None
    return [
        *(element(value, position) for position in range(starred)),
        Value(token, raw=value.mask()),
        *(element(value, position - length) for position in range(starred + 1, length)),
    ]


def _store(run: Run, target: ast.Attribute | ast.Subscript, value: Value) -> None:
    """Stores a value in an attribute or in a container."""
    path = path_of(target)
    run.summary.stored[target] = value.mask()
    if path is not None:
        keys.escapes(run, target, value, f"stored in `{path}`")
        run.state.bind(path, value)
        return
    evaluate(run, target.value)
    if isinstance(target, ast.Subscript):
        evaluate(run, target.slice)
    container = path_of(target.value)
    if container is not None:
        run.state.forget_below(container)
