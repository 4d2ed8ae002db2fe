"""Subscripts and slices: elements of containers, and parts of arrays."""

import ast

from ..run import Run
from ..state import path_of
from ..values import CLEAN, Value
from .evaluating import evaluate, evaluates


@evaluates(ast.Subscript)
def _subscript(run: Run, node: ast.Subscript) -> Value:
    path = path_of(node)
    if path is not None and (known := run.state.env.get(path)) is not None:
        return known
    base = evaluate(run, node.value)
    index = evaluate(run, node.slice)
    at_update = isinstance(node.value, ast.Attribute) and node.value.attr == "at"
    if index.mask() and not at_update:
        if base.items is not None or base.sequence:
            run.demand("index", node.slice, index)
        elif (index.boolean or any(part.boolean for part in index.parts())) and (
            base.taint or base.raw
        ):
            run.demand("mask", node, index)
    value = _element_at(run, base, node.slice)
    if index.taint and not (base.taint or base.raw) and base.items is None:
        # Indexing a concrete array with a tracer gives a tracer.
        value = Value(value.token, taint=index.taint)
    if path is not None:
        run.state.set_part(path, value)
    return value


def _element_at(run: Run, base: Value, index: ast.expr) -> Value:
    if _adds_axes_only(index):
        return Value(base.token, base.taint, base.raw)
    if isinstance(index, ast.Constant):
        return base.part(index.value) or element(base, index.value)
    if isinstance(index, ast.Slice) and isinstance(base.items, tuple):
        return Value(base.token, raw=base.mask(), sequence=True)
    return element(base, run.numbered(index))


def _adds_axes_only(index: ast.expr) -> bool:
    """Whether a subscript only inserts axes, as `[None]` and `[None, ...]` do."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    return all(isinstance(p, ast.Constant) and p.value in (None, Ellipsis) for p in parts)


def element(base: Value, label: object) -> Value:
    """Returns an element of an array or a container: the same one for the same label."""
    mask = base.mask() if base.items is not None else base.raw
    return Value(
        base.token.part(label) if base.token else None,
        base.taint,
        mask & ~base.taint,
        boolean=base.boolean,
        stamp=base.stamp,
    )


@evaluates(ast.Slice)
def _slice(run: Run, node: ast.Slice) -> Value:
    for bound in (node.lower, node.upper, node.step):
        if bound is not None:
            run.demand_number("index", bound, evaluate(run, bound).taint)
    return CLEAN
