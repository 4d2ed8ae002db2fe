"""Evaluates expressions: finds what evaluates a node, by its type."""

import ast
from collections.abc import Callable
from typing import Any, TypeVar

from .. import keys
from ..run import Run
from ..values import CLEAN, Value, unknown

_Node = TypeVar("_Node", bound=ast.expr)
_EVALUATORS: dict[type[ast.expr], Callable[[Run, Any], Value]] = {}


def evaluates(
    *kinds: type[_Node],
) -> Callable[[Callable[[Run, _Node], Value]], Callable[[Run, _Node], Value]]:
    """Marks the function that evaluates nodes of these types."""

    def register(evaluator: Callable[[Run, _Node], Value]) -> Callable[[Run, _Node], Value]:
        for kind in kinds:
            _EVALUATORS[kind] = evaluator
        return evaluator

    return register


def evaluate(run: Run, node: ast.expr) -> Value:
    """Returns the abstract value of an expression, and notes what evaluating it does."""
    evaluator = _EVALUATORS.get(type(node))
    return evaluator(run, node) if evaluator is not None else CLEAN


@evaluates(ast.Await, ast.Starred)
def _inner(run: Run, node: ast.Await | ast.Starred) -> Value:
    return evaluate(run, node.value)


@evaluates(ast.Yield, ast.YieldFrom)
def _yield(run: Run, node: ast.Yield | ast.YieldFrom) -> Value:
    if node.value is not None:
        keys.escapes(run, node.value, evaluate(run, node.value), "yielded")
    return unknown()


@evaluates(ast.JoinedStr)
def _text(run: Run, node: ast.JoinedStr) -> Value:
    for part in node.values:
        evaluate(run, part)
    return CLEAN


@evaluates(ast.FormattedValue)
def _formatted(run: Run, node: ast.FormattedValue) -> Value:
    value = evaluate(run, node.value)
    if node.format_spec is not None:
        run.demand_number("convert", node.value, value.taint)
    return CLEAN
