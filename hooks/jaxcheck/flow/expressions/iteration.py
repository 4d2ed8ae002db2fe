"""What a loop, a comprehension or a mapped function takes from what it runs over."""

import ast

from .. import keys
from ..run import Run
from ..state import path_of
from ..tokens import Each, Token
from ..values import Value, any_of, grouped, plain, unknown


def demand_iteration(run: Run, node: ast.expr, value: Value) -> None:
    """Notes that a loop runs over a value, which unrolls it."""
    if not value.sequence:
        run.demand_number("iterate", node, value.taint)


def any_element(value: Value) -> Value:
    """Returns an element of an array or a container, a new one at each call."""
    mask = value.mask() if value.items is not None else value.raw
    token = value.token.child("element", Each()) if value.token else None
    return Value(token, value.taint, mask & ~value.taint, boolean=value.boolean)


def iterated(run: Run, node: ast.expr, value: Value) -> Value:
    """Returns one element of what a loop runs over, a new one at each call.

    Args:
        run: The run.
        node: What the loop runs over.
        value: Its value.
    """
    if isinstance(node, ast.Call):
        taken = _of_call(run, node)
        if taken is not None:
            return taken
    if isinstance(value.items, tuple) and value.items:
        one = any_of(value.items)
        return Value(Token("other"), one.taint, one.raw, cls=one.cls)
    return any_element(value)


def _of_call(run: Run, node: ast.Call) -> Value | None:
    """Returns an element of what `enumerate`, `zip`, `items` and the like return."""
    name = run.module.resolve(node.func)
    if name in ("builtins.range", "itertools.count"):
        return plain()
    if name == "builtins.enumerate" and node.args:
        return grouped(plain(), _again(run, node.args[0]))
    if name == "builtins.reversed" and node.args:
        return _again(run, node.args[0])
    if name == "builtins.zip" and not any(isinstance(a, ast.Starred) for a in node.args):
        return grouped(*(_again(run, argument) for argument in node.args))
    if isinstance(node.func, ast.Attribute):
        if node.func.attr == "keys":
            return plain()
        if node.func.attr in ("items", "values"):
            entry = any_element(_peek(run, node.func.value))
            return grouped(plain(), entry) if node.func.attr == "items" else entry
    return None


def _again(run: Run, node: ast.expr) -> Value:
    return iterated(run, node, _peek(run, node))


def _peek(run: Run, node: ast.expr) -> Value:
    """Returns the value of a simple expression without noting its evaluation again."""
    path = path_of(node)
    known = run.state.env.get(path) if path is not None else None
    return known or run.results.get(node) or unknown()


def finish_iteration(run: Run, node: ast.expr, value: Value) -> None:
    """After a loop: arrays of keys whose elements it consumed are consumed as a whole."""
    arrays = [value]
    if isinstance(node, ast.Call):
        arrays += [_peek(run, a) for a in node.args if not isinstance(a, ast.Starred)]
        if isinstance(node.func, ast.Attribute):
            arrays.append(_peek(run, node.func.value))
    keys.consume_wholes(run, arrays)
