"""Operators: arithmetic and comparisons."""

import ast

from ..run import Run
from ..values import CLEAN, Value, plain, sequence, unknown
from .conditions import truth
from .evaluating import evaluate, evaluates


def arithmetic(run: Run, left: Value, right: Value) -> Value:
    """Returns the result of an operator between two values."""
    if left.items is not None or right.items is not None or left.sequence or right.sequence:
        return sequence(left.mask() | right.mask())
    mask = left.taint | left.raw | right.taint | right.raw
    if not mask:
        known = all(each.token is None or each.token.origin == "plain" for each in (left, right))
        return plain() if known else unknown()
    run.use_as_arrays(left, right)
    result = unknown(mask, boolean=left.boolean or right.boolean)
    result.stamp = max(left.stamp, right.stamp)
    return result


@evaluates(ast.BinOp)
def _binary(run: Run, node: ast.BinOp) -> Value:
    left, right = evaluate(run, node.left), evaluate(run, node.right)
    if isinstance(node.left, ast.JoinedStr) or _is_no_number(node.left):
        return CLEAN  # text, formatted or joined
    return arithmetic(run, left, right)


def _is_no_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not isinstance(node.value, int | float | complex)


@evaluates(ast.UnaryOp)
def _unary(run: Run, node: ast.UnaryOp) -> Value:
    if isinstance(node.op, ast.Not):
        truth(run, node.operand, "boolean")
        return CLEAN
    value = evaluate(run, node.operand)
    result = arithmetic(run, value, CLEAN)
    result.boolean = value.boolean
    return result


@evaluates(ast.Compare)
def _compare(run: Run, node: ast.Compare) -> Value:
    operands = [node.left, *node.comparators]
    values = [evaluate(run, operand) for operand in operands]
    mask = 0
    for position, operator in enumerate(node.ops):
        left, right = values[position], values[position + 1]
        if isinstance(operator, ast.Is | ast.IsNot):
            continue
        if isinstance(operator, ast.In | ast.NotIn):
            _membership(run, node, operands[position], left, right)
        elif _is_text(operands[position]) or _is_text(operands[position + 1]):
            if left.raw or right.raw:
                run.demand("text", node, left if left.raw else right)
        elif left.items is None and right.items is None:
            either = left.taint | left.raw | right.taint | right.raw
            if position < len(node.ops) - 1:  # the truth of `a < b` decides on `< c`
                run.demand_number("boolean", node, either)
            mask |= either
    if not mask:
        return CLEAN
    if not isinstance(node.ops[0], ast.Eq | ast.NotEq) or not all(
        isinstance(operand, ast.Constant) for operand in node.comparators
    ):
        run.use_as_arrays(*values)
    return unknown(mask, boolean=True)


def _membership(run: Run, node: ast.Compare, what: ast.expr, left: Value, right: Value) -> None:
    """Notes what `in` needs: the truth of each comparison with an element."""
    if left.taint and (right.items is not None or right.sequence):
        run.demand_number("boolean", node, left.taint)
    elif isinstance(what, ast.Constant) and isinstance(what.value, int | float):
        run.demand("boolean", node, right)


def _is_text(node: ast.expr) -> bool:
    """Whether it is a constant that no array is compared with: text, None, `...`."""
    return isinstance(node, ast.Constant) and not isinstance(node.value, int | float)
