"""Layers: which module of Flax or of the project a call runs."""

import ast
from collections import defaultdict
from dataclasses import dataclass

from ..source.declared import class_of
from ..source.module import Module
from ..source.scopes import Class
from ..transforms.tracing import Target, method_of

LAYERS = {
    f"flax.nnx.{name}": 1 if name == "Embed" else 0
    for name in (
        "BatchNorm", "Conv", "ConvTranspose", "Dropout", "Embed", "GroupNorm", "InstanceNorm",
        "LayerNorm", "Linear", "MultiHeadAttention", "RMSNorm",
    )
}  # fmt: skip
"""Layers of Flax, and how many axes more their result has than their first argument."""


@dataclass(frozen=True, slots=True)
class Layer:
    """What runs when a layer is called.

    Attributes:
        name: The canonical name of its class.
        method: Its `__call__`, where the project defines it.
    """

    name: str
    method: Target | None


def layer_of(module: Module, callee: ast.expr) -> Layer | None:
    """Returns the layer that an expression is, such as `self.norm` for `self.norm = RMSNorm()`."""
    made = _made(module, callee)
    if made is not None:
        name = module.resolve(made.func) or ""
        assert module.project is not None
        owner = module.project.class_(name)
        return Layer(name, method_of(*owner, "__call__") if owner else None)
    if not isinstance(callee, ast.Name | ast.Attribute) or module.resolve(callee):
        return None
    found = class_of(module, callee)
    if found is None:
        return None
    return Layer(f"{found[0].name}.{found[1].qualname}", method_of(*found, "__call__"))


def _made(module: Module, callee: ast.expr) -> ast.Call | None:
    """The call that made what an attribute of the instance holds, if there is just one."""
    owner = _instance(module, callee)
    if owner is None or not isinstance(callee, ast.Attribute):
        return None
    values = attributes(module).get((owner, callee.attr), [])
    value = values[0] if len(values) == 1 else None
    return value if isinstance(value, ast.Call) else None


def attributes(module: Module) -> dict[tuple[Class, str], list[ast.expr]]:
    """Returns what the methods of each class assign to the attributes of their instance."""
    assert module.project is not None
    key = ("attributes", id(module))
    found: dict[tuple[Class, str], list[ast.expr]] | None = module.project.facts.get(key)
    if found is None:
        found = module.project.facts[key] = defaultdict(list)
        for assign in module.nodes(ast.Assign):
            for target in assign.targets:
                owner = _instance(module, target)
                if owner is not None and isinstance(target, ast.Attribute):
                    found[owner, target.attr].append(assign.value)
    return found


def _instance(module: Module, node: ast.expr) -> Class | None:
    """The class in one of whose methods an expression is an attribute of the instance."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
        return None
    around = module.enclosing_function(node)
    while around is not None and around.owner is None:
        around = around.parent
    first = around.parameters[0].name if around and around.parameters else ""
    return around.owner if around and first == node.value.id else None
