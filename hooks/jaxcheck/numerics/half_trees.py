"""Trees of parameters that are cast to half precision as a whole."""

import ast

from ..source.bindings import reaching
from ..source.module import Module
from ..transforms.tracing import target_of
from .dtypes import HALF, dtype_named, given_dtype

_MAPS = ("jax.tree.map", "jax.tree_util.tree_map", "flax.nnx.map_state")
_CASTS = ("optax.tree.cast", "optax.tree_utils.tree_cast", "optax.tree_utils.tree_dtype_cast")
_DEPTH = 5


def half_tree(module: Module, node: ast.expr | None, depth: int = _DEPTH) -> ast.Call | None:
    """Returns the call that casts a tree to half precision, if an expression is such a tree.

    That is `jax.tree.map` of a cast, `optax.tree.cast`, or a function of the project that does
    either with a dtype that it is given.
    """
    if node is None or depth == 0:
        return None
    if isinstance(node, ast.Name):
        bound = reaching(module, node)
        plain = len(bound) == 1 and not bound[0].path
        return half_tree(module, bound[0].value, depth - 1) if plain else None
    if not isinstance(node, ast.Call):
        return None
    name = module.resolve(node.func)
    if name in _MAPS and len(node.args) >= 2:
        return node if _casts(module, node.args[0], {}) in HALF else None
    if name in _CASTS and len(node.args) >= 2:
        return node if dtype_named(module, node.args[1]) in HALF else None
    target = target_of(module, node.func)
    if target is None:
        return None
    returned = [s.value for s in target.function.body if isinstance(s, ast.Return)]
    inner = returned[0] if len(returned) == 1 else None
    if not isinstance(inner, ast.Call):
        return None
    given = dict(zip(target.free, node.args, strict=False))
    given |= {k.arg: k.value for k in node.keywords if k.arg}
    dtypes = {name: dtype for name, each in given.items() if (dtype := dtype_named(module, each))}
    if target.module.resolve(inner.func) in _MAPS and inner.args:
        return node if _casts(target.module, inner.args[0], dtypes) in HALF else None
    return None


def _casts(module: Module, function: ast.expr, dtypes: dict[str, str]) -> str | None:
    """Returns the dtype that a function casts its argument to; parameters may stand for dtypes."""
    target = target_of(module, function)
    if target is None:
        if isinstance(function, ast.Call):  # partial(jnp.asarray, dtype=…)
            return _named(module, given_dtype(module, function), dtypes)
        return None
    returned = [s.value for s in target.function.body if isinstance(s, ast.Return)]
    return _cast_to(target.module, returned[0], dtypes) if len(returned) == 1 else None


def _cast_to(module: Module, node: ast.expr | None, dtypes: dict[str, str]) -> str | None:
    if isinstance(node, ast.IfExp):
        return _cast_to(module, node.body, dtypes) or _cast_to(module, node.orelse, dtypes)
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Attribute) and node.func.attr == "astype" and node.args:
        return _named(module, node.args[0], dtypes)
    if module.resolve(node.func) in ("jax.numpy.asarray", "jax.lax.convert_element_type"):
        return _named(module, given_dtype(module, node), dtypes)
    return None


def _named(module: Module, node: ast.expr | None, dtypes: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name) and node.id in dtypes:
        return dtypes[node.id]
    return dtype_named(module, node)
