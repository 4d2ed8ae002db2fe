"""Conditions: what a test demands, and what holds where it is true and where it is not."""

import ast

from ..run import Run
from ..state import join
from ..tokens import Guard
from ..values import CLEAN, Value, any_of
from .evaluating import evaluate, evaluates


def truth(run: Run, node: ast.expr, kind: str) -> Value:
    """Evaluates an expression whose truth is asked for, and notes what must be concrete."""
    if isinstance(node, ast.BoolOp):
        inner = kind if kind != "exit" else "branch"
        entry = run.state.guards
        for value in node.values:
            truth(run, value, inner)
            _go_on(run, node, value)
        run.state.guards = entry
        return CLEAN
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return truth(run, node.operand, kind)
    value = evaluate(run, node)
    if not value.sequence:
        run.demand(kind, node, value)
    return value


def _go_on(run: Run, node: ast.BoolOp, value: ast.expr) -> None:
    """Adds what holds where the operands after this one are evaluated."""
    yes, no = guards_of(run, value)
    run.state.guards += yes if isinstance(node.op, ast.And) else no


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
    entry = run.state.guards
    values = []
    for each in before:
        values.append(truth(run, each, "boolean"))
        _go_on(run, node, each)
    values.append(evaluate(run, last))
    run.state.guards = entry
    return any_of(values)


@evaluates(ast.IfExp)
def _conditional(run: Run, node: ast.IfExp) -> Value:
    truth(run, node.test, "branch")
    entry = run.state
    yes, no = guards_of(run, node.test)
    run.state = entry.copy(yes)
    first = evaluate(run, node.body)
    after = run.state
    run.state = entry.copy(no)
    second = evaluate(run, node.orelse)
    run.state = join([after, run.state], entry.guards)
    return any_of([first, second])
