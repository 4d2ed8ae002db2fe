"""Calls: finds out what is called, and hands over to the file that knows what it does."""

import ast

from ..expressions.evaluating import evaluate, evaluates
from ..expressions.names import named
from ..run import Run
from ..state import path_of
from ..values import Callee, Value, unknown
from .applying import apply, construct
from .arguments import Call
from .library_functions import library_call
from .methods import method_call
from .unknown import consume_weakly


@evaluates(ast.Call)
def _call(run: Run, node: ast.Call) -> Value:
    run.calls += 1
    value = run.results[node] = _called(run, node)
    return value


def _called(run: Run, node: ast.Call) -> Value:
    func = node.func
    name = run.module.resolve(func)
    if name is not None and not run.engine.definitions.has(name):
        return library_call(run, name, _with_arguments(run, node))
    # What is called is evaluated before its arguments, as Python does.
    base = evaluate(run, func.value) if isinstance(func, ast.Attribute) else None
    callee = _callee(run, func)
    call = _with_arguments(run, node)
    if callee is not None:
        return apply(run, callee, call)
    found = run.engine.definitions.find(name) if name is not None else None
    if isinstance(found, Callee):
        return apply(run, found, call)
    if found is not None:
        return construct(run, *found, call)
    if isinstance(func, ast.Attribute) and base is not None:
        return method_call(run, func, base, call)
    consume_weakly(run, call)
    return unknown()


def _callee(run: Run, func: ast.expr) -> Callee | None:
    """Returns the function that a variable, an attribute or another expression holds."""
    if isinstance(func, ast.Attribute):
        path = path_of(func)
        value = run.state.env.get(path) if path else None
        return value.function if value is not None else None
    if not isinstance(func, ast.Name):
        return evaluate(run, func).function
    value = named(run, func)
    if value.raw and not value.taint and value.function is None:
        run.demand("call", func, Value(value.token, raw=value.raw))
    return value.function


def _with_arguments(run: Run, node: ast.Call) -> Call:
    arguments = [evaluate(run, argument) for argument in node.args]
    keywords = {k.arg: evaluate(run, k.value) for k in node.keywords if k.arg}
    for keyword in node.keywords:
        if keyword.arg is None:
            evaluate(run, keyword.value)
    spread = any(isinstance(argument, ast.Starred) for argument in node.args)
    return Call(node, arguments, keywords, spread)
