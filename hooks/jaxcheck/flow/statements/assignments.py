"""Assignments, and other statements that bind names or unbind them."""

import ast

from ..expressions.evaluating import evaluate, evaluates
from ..expressions.names import named
from ..expressions.operators import arithmetic
from ..run import Run
from ..state import path_of
from ..values import CLEAN, Value, unknown
from .bindings import bind
from .executing import executes


@executes(ast.Assign)
def _assign(run: Run, node: ast.Assign) -> None:
    value = evaluate(run, node.value)
    for target in node.targets:
        bind(run, target, value, node)


@executes(ast.AnnAssign)
def _annotated(run: Run, node: ast.AnnAssign) -> None:
    if node.value is not None:
        bind(run, node.target, evaluate(run, node.value), node)


@executes(ast.AugAssign)
def _augmented(run: Run, node: ast.AugAssign) -> None:
    target = node.target
    # The name itself is no use of a donated buffer: what counts is the value that it gets.
    before = named(run, target) if isinstance(target, ast.Name) else evaluate(run, target)
    after = evaluate(run, node.value)
    bind(run, target, arithmetic(run, before, after), node)


@evaluates(ast.NamedExpr)
def _walrus(run: Run, node: ast.NamedExpr) -> Value:
    value = evaluate(run, node.value)
    bind(run, node.target, value, node)
    return value


@executes(ast.Delete)
def _delete(run: Run, node: ast.Delete) -> None:
    for target in node.targets:
        path = path_of(target)
        if path is not None:
            run.state.bind(path, CLEAN)


@executes(ast.Global, ast.Nonlocal)
def _declare(run: Run, node: ast.Global | ast.Nonlocal) -> None:
    for name in node.names:
        run.state.bind(name, unknown())
