"""The axis names of a project: its meshes, the axes that transformations bind, its axis tables."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..project import Project
from ..source.bindings import parameter_of, reaching
from ..source.declared import class_of, declared, function_of
from ..source.module import Module

SPEC = "jax.sharding.PartitionSpec"
# Constructors of a mesh: the position and the keyword of its axis names.
_MESHES = {
    "jax.sharding.Mesh": "axis_names",
    "jax.interpreters.pxla.Mesh": "axis_names",
    "jax.experimental.maps.Mesh": "axis_names",
    "jax.make_mesh": "axis_names",
    "jax.sharding.AbstractMesh": "axis_names",
}
_TYPES = {"jax.sharding.Mesh", "jax.sharding.AbstractMesh", "jax.interpreters.pxla.Mesh"}
# Transformations that bind an axis name of their own.
_BINDERS = {
    "jax.vmap", "jax.pmap", "flax.nnx.vmap", "flax.nnx.pmap", "jax.experimental.maps.xmap",
    "equinox.filter_vmap", "equinox.filter_pmap",
}  # fmt: skip
_LOGICAL = ("logical_axis_rules", "logical_to_mesh", "logical_constraint", "set_logical_axis_rules")


@dataclass(eq=False, slots=True)
class MeshMade:
    """One place that makes a mesh.

    Attributes:
        call: The constructor's call.
        sizes: The expression of its sizes or devices.
        names_at: The expression of its axis names.
        names: The axis names; None where they cannot be known.
        literal: Whether the names are certain, not the default of a parameter or a field.
    """

    module: Module
    call: ast.Call
    sizes: ast.expr | None
    names_at: ast.expr | None
    names: tuple[str, ...] | None
    literal: bool


@dataclass(eq=False, slots=True)
class Axes:
    """All axis names of a project.

    Attributes:
        meshes: Every mesh that its code makes, tests included.
        bound: Names that `vmap`, `pmap` and the like bind.
        open: Whether some mesh has axis names that cannot be known.
        open_binders: Whether some `axis_name=` cannot be known.
        logical: Whether it names dimensions in specs and maps them by logical axis rules.
    """

    meshes: list[MeshMade] = field(default_factory=list)
    bound: set[str] = field(default_factory=set)
    open: bool = False
    open_binders: bool = False
    logical: bool = False

    @property
    def of_meshes(self) -> set[str]:
        """The axis names of its meshes."""
        return {name for mesh in self.meshes for name in mesh.names or ()}


def axes(project: Project) -> Axes:
    """Returns the axis names of a project."""
    found: Axes | None = project.facts.get("axes")
    if found is None:
        found = project.facts["axes"] = Axes()
        for module in project.modules.values():
            source = module.source
            if module.uses_jax and ("esh" in source or "axis_name" in source):
                _collect(module, found)
            found.logical |= any(word in source for word in _LOGICAL)
    return found


def _collect(module: Module, found: Axes) -> None:
    for call in module.nodes(ast.Call):
        name = module.resolve(call.func)
        if name in _MESHES:
            mesh = _mesh(module, call)
            if mesh is not None:
                found.meshes.append(mesh)
                found.open |= mesh.names is None
            continue
        for keyword in call.keywords:
            if keyword.arg not in ("axis_name", "spmd_axis_name"):
                continue
            partial = name == "functools.partial" and call.args
            made = module.resolve(call.args[0]) if partial else name
            if made in _BINDERS:
                value = module.literal(keyword.value)
                names = value if isinstance(value, tuple) else (value,)
                found.bound |= {n for n in names if isinstance(n, str)}
                found.open_binders |= any(not isinstance(n, str) for n in names)


def _mesh(module: Module, call: ast.Call) -> MeshMade | None:
    named = {k.arg: k.value for k in call.keywords}
    if None in named or any(isinstance(a, ast.Starred) for a in call.args):
        return MeshMade(module, call, None, None, None, False)
    sizes = call.args[0] if call.args else next(iter(named.values()), None)
    names_at = named.get("axis_names") or (call.args[1] if len(call.args) > 1 else None)
    if names_at is None:
        return _pairs(module, call, sizes)
    names, literal = axis_names(module, names_at)
    return MeshMade(module, call, sizes, names_at, names, literal)


def _pairs(module: Module, call: ast.Call, sizes: ast.expr | None) -> MeshMade | None:
    """The old form of an abstract mesh: `AbstractMesh((("model", 2), ("data", 4)))`."""
    value = module.literal(sizes)
    if isinstance(value, tuple) and all(isinstance(v, tuple) and len(v) == 2 for v in value):
        names = tuple(v[0] for v in value)
        if all(isinstance(name, str) for name in names):
            return MeshMade(module, call, None, sizes, names, True)
    return None


def axis_names(module: Module, node: ast.expr) -> tuple[tuple[str, ...] | None, bool]:
    """Returns the axis names that an expression evaluates to, and whether they are certain.

    A parameter has its default, an attribute the default of the field of its class: a caller may
    give others, so these are not certain.
    """
    names = _strings(module.literal(node))
    if names is not None:
        return names, True
    if isinstance(node, ast.Name) and (parameter := parameter_of(module, node)) is not None:
        return _strings(module.literal(parameter.default)), False
    if isinstance(node, ast.Attribute) and (owner := class_of(module, node.value)) is not None:
        here, found = owner
        given = found.fields.get(node.attr)
        value = given.value if given else found.scope.aliases.get(node.attr)
        if isinstance(value, ast.Call):  # Field(default=…), field(default=…)
            value = next((k.value for k in value.keywords if k.arg == "default"), None)
        return _strings(here.literal(value)), False
    return None, False


def _strings(value: object) -> tuple[str, ...] | None:
    value = (value,) if isinstance(value, str) else value
    if isinstance(value, tuple) and all(isinstance(v, str) for v in value):
        return tuple(str(v) for v in value)
    return None


def is_mesh(module: Module, node: ast.expr) -> bool:
    """Whether an expression is known to be a mesh."""
    if isinstance(node, ast.Call) and module.resolve(node.func) in _MESHES:
        return True
    if isinstance(node, ast.Name):
        for bound in reaching(module, node):
            value = bound.value
            if isinstance(value, ast.Call) and not bound.path and is_mesh(module, value):
                return True
    found = declared(module, node)
    return found is not None and found.name in _TYPES


def labels(module: Module, node: ast.expr | None, depth: int = 4) -> list[tuple[str | None, ...]]:
    """Returns the names of the elements of a tuple expression: one tuple per way it is made.

    `(cfg.data, cfg.model)` gives `("data", "model")`; what a function of the project returns is
    looked up there.
    """
    if node is None or depth == 0:
        return []
    if isinstance(node, ast.Tuple | ast.List):
        return [tuple(_label(element) for element in node.elts)]
    if isinstance(node, ast.Name):
        found = []
        for bound in reaching(module, node):
            if not bound.path:
                found += labels(module, bound.value, depth - 1)
        return found
    if isinstance(node, ast.Call):
        name = (module.resolve(node.func) or "").rpartition(".")[2]
        if name in ("create_device_mesh", "create_hybrid_device_mesh", "reshape", "array"):
            return labels(module, node.args[0], depth - 1) if node.args else []
        if isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
            if len(node.args) == 1:
                return labels(module, node.args[0], depth - 1)
            return [tuple(_label(element) for element in node.args)]
        return _returned(module, node, depth)
    return []


def _returned(module: Module, call: ast.Call, depth: int) -> list[tuple[str | None, ...]]:
    target = function_of(module, call.func)
    if target is None:
        return []
    found = []
    here = target.module
    for node in here.nodes(ast.Return):
        if here.enclosing_function(node) is target.function:
            found += labels(here, node.value, depth - 1)
    return found


def _label(node: ast.expr) -> str | None:
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return node.slice.value if isinstance(node.slice.value, str) else None
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def tables(module: Module, node: ast.AST, depth: int = 5) -> Iterator[tuple[Module, ast.Dict]]:
    """Yields the dictionaries that an expression looks axes up in, through names and merges."""
    if depth == 0:
        return
    if isinstance(node, ast.Dict):
        yield module, node
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                yield from tables(module, value, depth - 1)
        return
    if isinstance(node, ast.Name):
        for bound in reaching(module, node):
            if bound.value is not None:
                yield from tables(module, bound.value, depth - 1)
        assert module.project is not None
        constant = module.project.constant(module.resolve(node))
        if constant is not None:
            yield from tables(*constant, depth - 1)
        return
    for child in ast.iter_child_nodes(node):
        yield from tables(module, child, depth)
