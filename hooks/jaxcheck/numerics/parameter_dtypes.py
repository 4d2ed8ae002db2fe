"""Who decides the dtype that parameters start in: `param_dtype`, and what ends there."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ..project import Project
from ..source.bindings import reaching
from ..source.module import Module
from ..source.scopes import Function, FunctionNode
from ..transforms.tracing import Target, target_of
from .dtypes import decided_by, given_dtype
from .half_parameters import argument, computed_from, parameters

LAYERS = frozenset(
    f"flax.nnx.{name}"
    for name in (
        "BatchNorm", "Conv", "ConvTranspose", "Einsum", "Embed", "GRUCell", "GroupNorm",
        "InstanceNorm", "LSTMCell", "LayerNorm", "Linear", "LinearGeneral", "LoRA", "LoRALinear",
        "MultiHeadAttention", "OptimizedLSTMCell", "PReLU", "RMSNorm", "SimpleCell",
    )
)  # fmt: skip
_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Deciding:
    """A function some of whose parameters decide the dtype that weights start in.

    Attributes:
        function: The function.
        places: Where each of them does, by its name.
    """

    function: Function
    places: dict[str, ast.expr]


def deciding(project: Project) -> dict[FunctionNode, Deciding]:
    """Returns the functions whose parameters decide the dtype that weights start in.

    Such a parameter is handed to a layer as `param_dtype`, to another such function, or to what
    draws the value of an `nnx.Param`.
    """
    found: dict[FunctionNode, Deciding] | None = project.facts.get("deciding")
    if found is None:
        found = project.facts["deciding"] = {}
        modules = [m for m in project.modules.values() if m.uses_jax and "nnx" in m.source]
        for module in modules:
            for call, value in parameters(module, project):
                _note(found, module, call, _drawn_with(module, value))
        for _ in range(3):  # layers in layers
            before = sum(len(each.places) for each in found.values())
            for module in modules:
                for call, given in [*layer_dtypes(module, project)]:
                    _note(found, module, call, given)
            if before == sum(len(each.places) for each in found.values()):
                break
    return found


def _note(
    found: dict[FunctionNode, Deciding], module: Module, call: ast.Call, dtype: ast.expr | None
) -> None:
    around = module.enclosing_function(call)
    while around is not None and dtype is not None:
        name = decided_by(module, dtype, around)
        if name is not None:
            each = found.setdefault(around.node, Deciding(around, {}))
            each.places.setdefault(name, dtype)
            return
        around = around.parent


def _drawn_with(module: Module, node: ast.expr, depth: int = _DEPTH) -> ast.expr | None:
    """The expression that the dtype of a value's first drawing is taken of."""
    if depth == 0:
        return None
    if isinstance(node, ast.Name):
        bound = reaching(module, node)
        value = bound[0].value if len(bound) == 1 and not bound[0].path else None
        return _drawn_with(module, value, depth - 1) if value is not None else None
    if isinstance(node, ast.Call) and not (
        isinstance(node.func, ast.Attribute) and node.func.attr == "astype"
    ):
        given = given_dtype(module, node)
        if given is not None:
            return given
    inside = computed_from(module, node)
    return _drawn_with(module, inside[0], depth - 1) if inside else None


def layer_dtypes(module: Module, project: Project) -> Iterator[tuple[ast.Call, ast.expr]]:
    """Yields what calls of layers and of functions that make layers give as parameter dtype."""
    known = deciding(project)
    functions = [each.function for each in known.values()]
    names = {f.owner.name if f.owner else f.name for f in functions}
    if not names and "param_dtype" not in module.source:
        return
    for call in module.nodes(ast.Call):
        for keyword in call.keywords:
            if keyword.arg == "param_dtype" and takes_param_dtype(module, call, project):
                yield call, keyword.value
        callee = call.func
        last = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
        made = _maker(module, callee, project) if last in names else None
        if made is not None and made.function.node in known:
            for name in known[made.function.node].places:
                given = argument(call, made, name) if name != "param_dtype" else None
                if given is not None:
                    yield call, given


def _maker(module: Module, callee: ast.expr, project: Project) -> Target | None:
    """The function that runs when a class or a function is called."""
    found = project.class_(module.resolve(callee))
    if found is not None:
        method = found[1].methods.get("__init__")
        return Target(found[0], method, 1) if method else None
    return target_of(module, callee)


def takes_param_dtype(module: Module, call: ast.Call, project: Project) -> bool:
    """Whether the `param_dtype` of a call is that of a layer, not the entry of a policy."""
    callee = call.func
    name = module.resolve(callee) or ""
    if name in ("functools.partial", "jax.tree_util.Partial") and call.args:
        name = module.resolve(call.args[0]) or ""
    if name.startswith(("flax.nnx.", "flax.linen.")):
        return True
    found = project.class_(name)
    if found is not None:
        bases = set(project.bases(*found))
        return project.is_nnx_module(*found) or "flax.linen.Module" in bases
    return project.function(name) is None and not name
