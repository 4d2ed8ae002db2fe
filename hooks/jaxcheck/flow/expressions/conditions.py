"""Conditions: what a test demands, and what holds where it is true and where it is not."""

import ast
import re
from dataclasses import replace

from ..run import Run
from ..state import join, path_of
from ..tokens import Guard
from ..values import CLEAN, Value, any_of
from .evaluating import evaluate, evaluates

# Classes that no tracer is an instance of, and those that every tracer is an instance of.
_PLAIN = re.compile(r"(builtins[.](int|float|complex|bool|str|bytes)|numpy[.]\w+)$")
_TRACERS = frozenset({"jax.Array", "jax.numpy.ndarray", "jax.core.Tracer"})


def truth(run: Run, node: ast.expr, kind: str) -> Value:
    """Evaluates an expression whose truth is asked for, and notes what must be concrete."""
    if isinstance(node, ast.BoolOp):
        inner = kind if kind != "exit" else "branch"
        entry, before = run.state.guards, {}
        for value in node.values:
            truth(run, value, inner)
            before = _go_on(run, node, value) | before
        run.state.guards = entry
        run.state.env.update(before)
        return CLEAN
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return truth(run, node.operand, kind)
    value = evaluate(run, node)
    if not value.sequence:
        run.demand(kind, node, value)
    return value


def _go_on(run: Run, node: ast.BoolOp, value: ast.expr) -> dict[str, Value]:
    """Adds what holds where the operands after this one are evaluated; returns what it changed."""
    yes, no = guards_of(run, value)
    run.state.guards += yes if isinstance(node.op, ast.And) else no
    return narrow(run, value, holds=isinstance(node.op, ast.And))


def narrow(run: Run, test: ast.expr, *, holds: bool) -> dict[str, Value]:
    """Notes of which variables a test by `isinstance` says that they are no tracers.

    Returns:
        Their values before.
    """
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return narrow(run, test.operand, holds=not holds)
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) == holds:
        found = [narrow(run, each, holds=holds) for each in test.values]
        return {path: value for each in reversed(found) for path, value in each.items()}
    if not isinstance(test, ast.Call) or len(test.args) != 2:
        return {}
    if run.module.resolve(test.func) != "builtins.isinstance":
        return {}
    path = path_of(test.args[0])
    value = run.state.env.get(path) if path else None
    if path is None or value is None or not (value.taint or value.raw):
        return {}
    kinds = [run.module.resolve(each) or "" for each in _alternatives(test.args[1])]
    if not (all(map(_PLAIN.match, kinds)) if holds else not _TRACERS.isdisjoint(kinds)):
        return {}
    run.state.env[path] = replace(value, taint=0, raw=0)
    return {path: value}


def _alternatives(node: ast.expr) -> list[ast.expr]:
    """Returns the classes in the second argument of `isinstance`."""
    if isinstance(node, ast.Tuple):
        return [found for each in node.elts for found in _alternatives(each)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _alternatives(node.left) + _alternatives(node.right)
    return [node]


def guards_of(run: Run, test: ast.expr) -> tuple[tuple[Guard, ...], tuple[Guard, ...]]:
    """Returns what a test says where it holds, and where it does not."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yes, no = guards_of(run, test.operand)
        return no, yes
    if isinstance(test, ast.BoolOp):
        pairs = [guards_of(run, value) for value in test.values]
        yes, no = _whether("true", run.numbered(test), True)
        if isinstance(test.op, ast.And):
            return tuple(guard for each, _ in pairs for guard in each), no
        return yes, tuple(guard for _, each in pairs for guard in each)
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        operator, right = test.ops[0], test.comparators[0]
        if isinstance(right, ast.Constant) and isinstance(
            operator, ast.Eq | ast.Is | ast.NotEq | ast.IsNot
        ):
            yes, no = _whether("is", run.numbered(test.left), right.value)
            return (yes, no) if isinstance(operator, ast.Eq | ast.Is) else (no, yes)
    return _whether("true", run.numbered(test), True)


def _whether(kind: str, number: object, value: object) -> tuple[tuple[Guard], tuple[Guard]]:
    key = (kind, number)
    return ((key, value, True),), ((key, value, False),)


@evaluates(ast.BoolOp)
def _and_or(run: Run, node: ast.BoolOp) -> Value:
    *before, last = node.values
    if isinstance(last, ast.Dict | ast.List | ast.Tuple):
        # As in `params or {}`: nobody asks for the truth of an array.
        return any_of([evaluate(run, each) for each in node.values])
    entry, narrowed = run.state.guards, {}
    values = []
    for each in before:
        values.append(truth(run, each, "boolean"))
        narrowed = _go_on(run, node, each) | narrowed
    values.append(evaluate(run, last))
    run.state.guards = entry
    run.state.env.update(narrowed)
    return any_of(values)


@evaluates(ast.IfExp)
def _conditional(run: Run, node: ast.IfExp) -> Value:
    truth(run, node.test, "branch")
    entry = run.state
    yes, no = guards_of(run, node.test)
    run.state = entry.copy(yes)
    narrow(run, node.test, holds=True)
    first = evaluate(run, node.body)
    after = run.state
    run.state = entry.copy(no)
    narrow(run, node.test, holds=False)
    second = evaluate(run, node.orelse)
    run.state = join([after, run.state], entry.guards)
    return any_of([first, second])
