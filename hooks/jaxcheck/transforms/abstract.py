"""What is only there for the shapes of its results: no key is drawn from, and no value is made."""

import ast

from ..source.mentions import mentions
from ..source.module import Module
from ..source.scopes import Function
from .tables import TRANSFORMS

_INSPECTED = frozenset({"shape", "dtype", "ndim", "size"})


def for_shapes_only(module: Module, call: ast.AST) -> bool:
    """Whether nobody sees the numbers that a call makes, only their shapes."""
    function = module.enclosing_function(call)
    here = function
    while here is not None:
        if _is_abstract_only(module, here):
            return True
        here = here.parent
    statement = module.parent(call)
    if not isinstance(statement, ast.Assign) or function is None:
        return False
    names = {
        node.id
        for target in statement.targets
        for node in ast.walk(target)
        if isinstance(node, ast.Name) and not node.id.startswith("_")
    }
    uses = [
        use
        for name in names
        for use in mentions(module, name, module.index.scopes[statement])
        if isinstance(use.ctx, ast.Load)
    ]
    return bool(uses) and all(_is_inspected(module, use) for use in uses)


def _is_abstract_only(module: Module, function: Function) -> bool:
    """Whether a function is only handed to `jax.eval_shape` and the like."""
    if isinstance(function.node, ast.Lambda):
        return runs_nothing(module, module.parent(function.node))
    scope = module.index.scopes[function.node]
    uses = [use for use in mentions(module, function.name, scope) if isinstance(use.ctx, ast.Load)]
    return bool(uses) and all(runs_nothing(module, module.parent(use)) for use in uses)


def _is_inspected(module: Module, use: ast.Name) -> bool:
    around = module.parent(use)
    if isinstance(around, ast.Attribute) and around.attr in _INSPECTED:
        return True
    while isinstance(around, ast.Starred | ast.keyword | ast.Tuple | ast.List | ast.Dict):
        around = module.parent(around)
    return runs_nothing(module, around)


def runs_nothing(module: Module, node: ast.AST | None) -> bool:
    """Whether a node is a call that runs nothing, as of `jax.eval_shape(f)` or of `make_jaxpr`."""
    if not isinstance(node, ast.Call):
        return False
    transform = TRANSFORMS.get(module.resolve(node.func) or "")
    return transform is not None and transform.abstract
