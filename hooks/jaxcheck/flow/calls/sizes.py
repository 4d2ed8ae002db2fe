"""Sizes, shapes and axes: arguments that must be known while tracing."""

import ast

from .. import library
from ..expressions.names import named
from ..run import Run
from ..state import path_of
from ..values import CLEAN, Value
from .arguments import Call


def demand_sizes(run: Run, name: str, call: Call) -> None:
    """Notes that the lengths, shapes and axes that a function takes must be known."""
    positions, names = library.SIZES.get(name, ((), ()))
    for position in positions:
        if position < len(call.node.args):
            demand_size(run, call.node.args[position])
    for keyword in call.node.keywords:
        if keyword.arg in names or keyword.arg in library.STRUCTURAL_KEYWORDS:
            demand_size(run, keyword.value)


def demand_size(run: Run, node: ast.expr) -> None:
    """Notes that a size, or each of those in a shape, must be known."""
    for part in node.elts if isinstance(node, ast.Tuple | ast.List) else [node]:
        _demand_one(run, part)


def _demand_one(run: Run, node: ast.expr) -> None:
    if isinstance(node, ast.BinOp):
        _demand_one(run, node.left)
        _demand_one(run, node.right)
        return
    value = _known(run, node)
    for part in value.parts() or (value,):  # of a shape, its sizes
        if part.taint:
            run.demand_number("size", node, part.taint)
        elif part.raw:
            run.demand("structure", node, Value(part.token, raw=part.raw))


def _known(run: Run, node: ast.expr) -> Value:
    """Returns the value of an argument that was evaluated already."""
    if isinstance(node, ast.Call):
        return run.results.get(node, CLEAN)
    path = path_of(node)
    value = run.state.env.get(path, CLEAN) if path else CLEAN
    if isinstance(node, ast.Name) and value.token is None and not value.mask():
        return named(run, node)
    return value
