"""Arrays with an axis of devices: what makes them, and where one device's share is seen."""

import ast
from collections.abc import Iterator

from ..project import Project
from ..source.bindings import bindings, parameter_of
from ..source.calls import inside
from ..source.module import Module
from ..source.scopes import FunctionNode
from ..transforms.tracing import jit_sites, target_of
from .annotations import ArrayType
from .vocabulary import DEVICES

PMAPS = frozenset({"jax.pmap", "flax.nnx.pmap", "equinox.filter_pmap"})
# In what these are given, an annotation describes one device's share.
_PER_DEVICE = PMAPS | {"jax.shard_map", "flax.nnx.shard_map", "jax.vmap", "flax.nnx.vmap"}
_COUNTS = frozenset({"jax.device_count", "jax.local_device_count"})
_LISTS = frozenset({"jax.devices", "jax.local_devices"})
_STACKERS = frozenset(
    {
        "jax.device_put_sharded", "jax.device_put_replicated", "flax.jax_utils.replicate",
        "flax.training.common_utils.shard", "flax.training.common_utils.shard_prng_key",
    }
)  # fmt: skip


def local_functions(project: Project) -> set[FunctionNode]:
    """Returns the functions that see one device's share: bodies of shard_map, pmap and vmap.

    Functions that these call, and functions inside them, see no more than they do.
    """
    found: set[FunctionNode] | None = project.facts.get("local functions")
    if found is not None:
        return found
    found = project.facts["local functions"] = set()
    modules = [m for m in list(project.modules.values()) if m.uses_jax]
    for module in modules:
        for site in jit_sites(module):
            if site.name in _PER_DEVICE and site.target is not None:
                found.add(site.target.function.node)
    homes: dict[ast.AST, Module] = {}
    if found:
        homes = {node: module for module in modules for node in module.index.functions}
    todo = list(found)
    while todo:
        node = todo.pop()
        if node in homes:
            further = set(_within(homes[node], node)) - found
            found |= further
            todo += further
    return found


def _within(module: Module, node: FunctionNode) -> Iterator[FunctionNode]:
    """Yields the functions that a function calls or, at any depth, defines."""
    function = module.function(node)
    for call in inside(module, function):
        target = target_of(module, call.func)
        if target is not None:
            yield target.function.node
    for other in module.functions:
        if other.parent is function:
            yield other.node


def is_device_count(module: Module, node: ast.expr, depth: int = 4) -> bool:
    """Whether an expression is the number of devices."""
    if isinstance(node, ast.Call):
        name = module.resolve(node.func)
        if name in _COUNTS:
            return True
        inner = node.args[0] if name == "builtins.len" and node.args else None
        return isinstance(inner, ast.Call) and module.resolve(inner.func) in _LISTS
    if isinstance(node, ast.Name) and depth:
        if parameter_of(module, node) is not None:
            return node.id in DEVICES
        bounds = bindings(module, node)
        value = bounds[0].value if len(bounds) == 1 and not bounds[0].path else None
        return value is not None and is_device_count(module, value, depth - 1)
    return False


def stacks(module: Module, node: ast.expr, depth: int = 4) -> str:
    """Returns what gives an expression a leading axis of devices; "" if nothing does."""
    if isinstance(node, ast.Name) and depth:
        bounds = bindings(module, node)
        value = bounds[0].value if len(bounds) == 1 and not bounds[0].path else None
        return stacks(module, value, depth - 1) if value is not None else ""
    if not isinstance(node, ast.Call):
        return ""
    name = module.resolve(node.func)
    if name in _STACKERS:
        return f"{name.rpartition('.')[2]}()" if name else ""
    if name in ("jax.numpy.stack", "numpy.stack") and node.args:
        match node.args[0]:
            case ast.BinOp(left=left, op=ast.Mult(), right=right) if any(
                is_device_count(module, each) for each in (left, right)
            ):
                return "stacking one copy per device"
    return ""


def reshapes(module: Module, node: ast.expr, depth: int = 4) -> ast.Call | None:
    """Returns the call that reshapes an expression to a leading axis of devices."""
    if isinstance(node, ast.Name) and depth:
        bounds = bindings(module, node)
        value = bounds[0].value if len(bounds) == 1 and not bounds[0].path else None
        return reshapes(module, value, depth - 1) if value is not None else None
    if not isinstance(node, ast.Call):
        return None
    name = module.resolve(node.func)
    if name in ("jax.numpy.reshape", "jax.lax.reshape", "numpy.reshape"):
        shape = node.args[1:2]
    elif isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
        shape = node.args[:1]
    else:
        return None
    if shape and isinstance(shape[0], ast.Tuple | ast.List):
        shape = shape[0].elts[:1]
    return node if shape and is_device_count(module, shape[0]) else None


def lacks_devices(found: ArrayType | None) -> bool:
    """Whether an array type certainly has no leading axis of devices."""
    shape = found.shape if found is not None else None
    if shape is None or shape.error:
        return False
    if not shape.dimensions:
        return True
    first = shape.dimensions[0]
    return bool(first.name) and not first.variadic and first.name not in DEVICES


def pmapped_calls(module: Module) -> Iterator[tuple[ast.Call, ast.Call]]:
    """Yields the calls of functions made by `pmap`, each with the call of `pmap`."""
    if "pmap" not in module.source:
        return
    for call in module.nodes(ast.Call):
        made = call.func
        if isinstance(made, ast.Name):
            bounds = bindings(module, made)
            value = bounds[0].value if len(bounds) == 1 and not bounds[0].path else None
            if value is None and module.project is not None:
                constant = module.project.constant(module.resolve(made))
                value = constant[1] if constant is not None and constant[0] is module else None
            made = value if value is not None else made
        if isinstance(made, ast.Call) and module.resolve(made.func) in PMAPS:
            yield call, made
