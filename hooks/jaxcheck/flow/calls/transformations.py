"""Transformations and `partial`: functions that return functions."""

import ast
from dataclasses import replace

from ...transforms.tables import TRANSFORMS
from ..run import Run
from ..tokens import Token
from ..values import Callee, Value, unknown
from .arguments import Call

_DONATING = ("donate_argnums", "donate_argnames")


def partial_call(call: Call) -> Value:
    """Returns a function with some of its arguments bound."""
    inner = call.arguments[0].function
    if inner is None:
        return unknown()
    made = replace(
        inner,
        bound=(*inner.bound, *call.arguments[1:]),
        keywords={**inner.keywords, **call.keywords},
    )
    return Value(Token("other"), function=made)


def transform_call(run: Run, name: str, call: Call) -> Value:
    """Returns a function with a transformation around it."""
    transform = TRANSFORMS[name]
    inner = call.argument(0, *transform.keywords).function or Callee()
    in_axes = _in_axes(call.node, by_position=transform.kind == "vmap")
    made = replace(
        inner,
        transforms=(*inner.transforms, name),
        donated=_donated(run, name, call.node) or inner.donated,
        in_axes=inner.in_axes if in_axes is None else in_axes,
        has_aux=inner.has_aux or any(k.arg == "has_aux" for k in call.node.keywords),
        compiled=inner.compiled or (transform.kind == "jit" and not transform.abstract),
    )
    return Value(Token("other"), function=made)


def _donated(run: Run, name: str, node: ast.Call) -> tuple[int | str, ...]:
    if "nnx" in name:  # it puts the new arrays into the same objects
        return ()
    donated: tuple[int | str, ...] = ()
    for keyword in node.keywords:
        if keyword.arg in _DONATING:
            given = run.module.literal(keyword.value)
            given = given if isinstance(given, tuple) else (given,)
            donated += tuple(each for each in given if isinstance(each, int | str))
    return donated


def _in_axes(node: ast.Call, by_position: bool) -> tuple[bool, ...] | None:
    """Returns which arguments `vmap` maps over, where a tuple says so."""
    axes = next((k.value for k in node.keywords if k.arg == "in_axes"), None)
    if axes is None and by_position and len(node.args) > 1:
        axes = node.args[1]
    if not isinstance(axes, ast.Tuple):
        return None
    return tuple(not (isinstance(e, ast.Constant) and e.value is None) for e in axes.elts)
