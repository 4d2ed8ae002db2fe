"""Sums of products in which an operand got an axis for the purpose."""

import ast
from collections.abc import Iterator

from ..arrays.annotations import array_type
from ..source.bindings import parameter_of, reaching
from ..source.module import Module
from .rank_arithmetic import Rank
from .ranks import rank_of

_COUNTED = frozenset({"Bool", "Int", "UInt", "Integer"})


def introduced_sums(module: Module) -> Iterator[tuple[ast.Call, Rank | None]]:
    """Yields `jnp.sum(a[..., None] * b, axis=-2)` and the like, with the rank of the product.

    A mask that is multiplied is left alone, and so is a sum over the introduced axis itself.
    """
    for call in module.nodes(ast.Call):
        product, axis = _summed(module, call)
        if product is None or axis is None:
            continue
        for side, other in ((product.left, product.right), (product.right, product.left)):
            place = _introduced(module, side)
            if place is None or any(_is_mask(module, each) for each in (side, other)):
                continue
            if _introduced(module, other) == place or place == module.literal(axis):
                continue
            yield call, rank_of(module, product)
            break


def _summed(module: Module, call: ast.Call) -> tuple[ast.BinOp | None, ast.expr | None]:
    """The product that a call sums, and over which axis."""
    function = call.func
    axis = next((k.value for k in call.keywords if k.arg == "axis"), None)
    if module.resolve(function) == "jax.numpy.sum" and call.args:
        inside, rest = call.args[0], call.args[1:]
    elif isinstance(function, ast.Attribute) and function.attr == "sum":
        if module.resolve(function):
            return None, None
        inside, rest = function.value, call.args
    else:
        return None, None
    if isinstance(inside, ast.Name):
        bound = reaching(module, inside)
        value = bound[0].value if len(bound) == 1 and not bound[0].path else None
        inside = value if value is not None else inside
    plain = isinstance(inside, ast.BinOp) and isinstance(inside.op, ast.Mult)
    return (inside if plain else None), (axis or (rest[0] if rest else None))  # pyright: ignore[reportReturnType]


def _introduced(module: Module, node: ast.expr) -> int | None:
    """The place of the axis that an operand gets, from the left, or negative from the right."""
    if isinstance(node, ast.Call) and module.resolve(node.func) == "jax.numpy.expand_dims":
        given = [*node.args[1:2], *(k.value for k in node.keywords if k.arg == "axis")]
        place = module.literal(given[0]) if given else None
        return place if isinstance(place, int) else None
    if not isinstance(node, ast.Subscript):
        return None
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    kinds = [each.value if isinstance(each, ast.Constant) else "" for each in parts]
    if None not in kinds or any(isinstance(kind, int) for kind in kinds):
        return None
    at = kinds.index(None)
    return at - len(kinds) if Ellipsis in kinds[:at] else at


def _is_mask(module: Module, node: ast.expr) -> bool:
    """Whether an operand is a mask or a count: a comparison, or what is annotated as one."""
    while isinstance(node, ast.Subscript | ast.Attribute | ast.Call):
        if isinstance(node, ast.Call):
            method = isinstance(node.func, ast.Attribute) and node.func.attr == "astype"
            function = node.func.value if method and isinstance(node.func, ast.Attribute) else None
            first = node.args[0] if node.args else None
            node_or_none = function or first
            if node_or_none is None:
                return False
            node = node_or_none
        else:
            node = node.value
    if isinstance(node, ast.Compare):
        return True
    if not isinstance(node, ast.Name):
        return False
    parameter = parameter_of(module, node)
    if parameter is not None:
        found = array_type(module, parameter.annotation)
        return found is not None and found.dtype in _COUNTED
    return any(isinstance(bound.value, ast.Compare) for bound in reaching(module, node))
