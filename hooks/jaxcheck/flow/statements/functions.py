"""Functions inside a function: what they are as values, and what they close over."""

import ast

from ...transforms.tracing import Target
from ..expressions.evaluating import evaluate, evaluates
from ..passing import record_arguments
from ..run import Run
from ..tokens import Token
from ..values import Callee, Value
from .executing import executes


@executes(ast.FunctionDef, ast.AsyncFunctionDef)
def _define(run: Run, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    function = run.module.function(node)
    for default in (*node.args.defaults, *node.args.kw_defaults):
        if default is not None:
            evaluate(run, default)
    callee = run.engine.definitions.callee(run.module, function)
    run.state.bind(node.name, Value(Token("other"), function=callee))
    record_arguments(run, run.module, function, {})


@evaluates(ast.Lambda)
def _lambda(run: Run, node: ast.Lambda) -> Value:
    function = run.module.function(node)
    record_arguments(run, run.module, function, {})
    return Value(Token("other"), function=Callee(Target(run.module, function)))
