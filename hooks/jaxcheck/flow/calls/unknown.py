"""Calls of functions that nobody knows: they may consume what they are given."""

import ast

from .. import keys
from ..run import Run
from ..values import Callee
from .arguments import Call
from .substituting import free_token


def consume_weakly(run: Run, call: Call) -> None:
    """An unknown function may consume the keys that it is given, and call the functions."""
    node = call.node
    written = [*node.args, *(k.value for k in node.keywords if k.arg)]
    if not written:
        return
    what = f"`{run.module.text(node.func)}`"
    for argument, value in zip(written, call.values, strict=False):
        # A variable may hold a state, with a key among other things.
        is_variable = isinstance(argument, ast.Name | ast.Attribute)
        held = tuple(part.token for part in value.parts()) if is_variable else ()
        keys.consume_value(run, value, node, what, held)
        if value.function is not None:
            _call_function(run, value.function, node, what)


def _call_function(run: Run, callee: Callee, node: ast.Call, what: str) -> None:
    """A function that is handed to an unknown one is called, once as far as anybody knows."""
    if callee.target is None:
        return
    summary = run.engine.summary(callee.target.module, callee.target.function)
    if summary is None:
        return
    for consumption in summary.consumptions:
        if consumption.input >= summary.parameters:
            token = free_token(run, summary.inputs[consumption.input], consumption.path)
            if token is not None:
                keys.consume(run, token, node, False, what)
