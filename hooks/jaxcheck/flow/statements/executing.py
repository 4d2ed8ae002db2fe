"""Executes statements: finds what executes a node, by its type; those that only evaluate."""

import ast
from collections.abc import Callable
from typing import Any, TypeVar

from .. import keys
from ..expressions.conditions import truth
from ..expressions.evaluating import evaluate
from ..run import Run
from ..values import unknown
from .bindings import bind

_Node = TypeVar("_Node", bound=ast.stmt)
_EXECUTORS: dict[type[ast.stmt], Callable[[Run, Any], None]] = {}


def executes(
    *kinds: type[_Node],
) -> Callable[[Callable[[Run, _Node], None]], Callable[[Run, _Node], None]]:
    """Marks the function that executes statements of these types."""

    def register(executor: Callable[[Run, _Node], None]) -> Callable[[Run, _Node], None]:
        for kind in kinds:
            _EXECUTORS[kind] = executor
        return executor

    return register


def execute(run: Run, statements: list[ast.stmt]) -> None:
    """Runs statements until one of them leaves the block."""
    for statement in statements:
        if run.state.dead:
            return
        executor = _EXECUTORS.get(type(statement))
        if executor is not None:
            executor(run, statement)


@executes(ast.Expr)
def _expression(run: Run, node: ast.Expr) -> None:
    evaluate(run, node.value)


@executes(ast.Assert)
def _assert(run: Run, node: ast.Assert) -> None:
    truth(run, node.test, "branch")


@executes(ast.With, ast.AsyncWith)
def _with(run: Run, node: ast.With | ast.AsyncWith) -> None:
    for item in node.items:
        value = evaluate(run, item.context_expr)
        if item.optional_vars is not None:
            bind(run, item.optional_vars, unknown(raw=value.mask()), node)
    execute(run, node.body)


@executes(ast.Return)
def _return(run: Run, node: ast.Return) -> None:
    if node.value is not None:
        value = evaluate(run, node.value)
        keys.escapes(run, node.value, value, "returned")
        run.returns.append(value)
    keys.leave(run)
    _exit(run)


@executes(ast.Raise)
def _raise(run: Run, node: ast.Raise) -> None:
    if node.exc is not None:
        evaluate(run, node.exc)
    _exit(run)


def _exit(run: Run) -> None:
    """Leaves the function, by way of the `finally` block around."""
    if run.exits:
        run.exits[-1].append(run.state.copy())
    run.state.dead = True
