"""Item 9: axis names in partition specs, tables and collectives."""

import ast
from collections.abc import Iterator

from ..arrays.annotations import array_types
from ..catalogue import rule
from ..findings import Confidence, Finding
from ..project import Project
from ..sharding.meshes import axes
from ..sharding.specs import Axis, axis_tables, nearest, rank, spec_of, specs, spelled, unknown
from ..source.bindings import parameter_of
from ..source.declared import Declared, declared, plain
from ..source.module import Module
from ..transforms.tracing import jit_sites

_COLLECTIVES = {
    "psum": 1, "pmean": 1, "pmax": 1, "pmin": 1, "all_gather": 1, "all_to_all": 1, "ppermute": 1,
    "pshuffle": 1, "psum_scatter": 1, "pswapaxes": 1, "axis_index": 0, "axis_size": 0,
    "pbroadcast": 1, "pvary": 1,
}  # fmt: skip
_SHARDING = {"jax.lax.with_sharding_constraint", "jax.device_put", "jax.reshard"}


@rule(
    "JX902",
    "unknown-mesh-axis",
    "A partition spec, or a table that specs are made from, names an axis that no mesh has.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY, Confidence.HEURISTIC),
    in_tests=Confidence.PROVEN,
)
def unknown_mesh_axis(module: Module, project: Project) -> Iterator[Finding]:
    """Axis names that are neither configured nor of any mesh of the project."""
    for axis in spelled(module, project):
        confidence, near = unknown(project, axis.name)
        if confidence is not None:
            yield module.finding(
                "JX902",
                axis.node,
                f"{axis.name!r}, in {axis.where}, is no axis of a mesh: the project's meshes have "
                f"{_listed(project)}. JAX raises ValueError where the two meet.{_advice(near)}",
                confidence=confidence,
            )


@rule(
    "JX906",
    "unknown-collective-axis",
    "A collective such as psum names an axis that nothing in the project binds.",
    confidences=(Confidence.LIKELY, Confidence.HEURISTIC),
)
def unknown_collective_axis(module: Module, project: Project) -> Iterator[Finding]:
    """Axis names of collectives that no mesh has and no transformation binds."""
    for axis in _collective_axes(module):
        found = axes(project)
        known = [*project.settings.mesh_axes, *sorted(found.of_meshes | found.bound)]
        if axis.name in known:
            continue
        near = nearest(axis.name, known)
        sure = near or not (found.open or found.open_binders)
        yield module.finding(
            "JX906",
            axis.node,
            f"{axis.where} reduces over the axis {axis.name!r}, which no mesh of the project has "
            "and no axis_name= binds: JAX raises NameError (unbound axis name) when it is traced."
            f"{_advice(near)}",
            confidence=Confidence.LIKELY if sure else Confidence.HEURISTIC,
        )


@rule(
    "JX907",
    "spec-rank",
    "A partition spec speaks of more dimensions than its array has.",
    confidences=(Confidence.PROVEN,),
)
def spec_rank(module: Module, project: Project) -> Iterator[Finding]:
    """Specs that are longer than the annotated rank of what they shard."""
    pairs = [(module.text(array), declared(module, array), s) for array, s in _sharded(module)]
    for name, found, sharding in [*pairs, *_shard_mapped(module)]:
        spec = spec_of(module, sharding)
        length = rank(spec) if spec else None
        known = _rank_of(found) if found and length else None
        if spec is not None and length is not None and known is not None and length > known:
            dimensions = f"{known} dimension{'s' * (known > 1)}" if known else "no dimension"
            yield module.finding(
                "JX907",
                spec,
                f"This spec has {length} entries, but {name} has {dimensions}: JAX raises "
                "ValueError, for trailing None entries too. One entry per dimension, or fewer.",
            )


def _rank_of(found: Declared) -> int | None:
    types = array_types(found.module, found.annotation)
    return types[0].rank if len(types) == 1 else None


def _shard_mapped(module: Module) -> Iterator[tuple[str, Declared, ast.expr]]:
    """Yields the parameters of functions under `shard_map` with the specs they are given."""
    if "in_specs" not in module.source:
        return
    for site in jit_sites(module):
        given = site.keywords.get("in_specs")
        if site.target is None or given is None:
            continue
        each = given.elts if isinstance(given, ast.Tuple | ast.List) else [given]
        for name, sharding in zip(site.target.free, each, strict=False):
            parameter = site.target.function.parameter(name)
            if parameter is not None and parameter.annotation is not None:
                yield name, plain(Declared(site.target.module, parameter.annotation)), sharding


@rule(
    "JX908",
    "batch-over-model-axis",
    "A batch dimension is sharded over the model axis.",
    confidences=(Confidence.LIKELY,),
)
def batch_over_model_axis(module: Module, project: Project) -> Iterator[Finding]:
    """Specs and tables that give the batch to the axis of the weights."""
    if not {"model", "data"} <= set(project.settings.mesh_axes):
        return
    for here, table in axis_tables(project):
        if here is not module:
            continue
        for key, value in zip(table.keys, table.values, strict=True):
            if module.literal(key) in ("batch", "b") and module.literal(value) == "model":
                yield _batch(module, value, "this table")
    for array, sharding in _sharded(module):
        spec = spec_of(module, sharding)
        if spec is None or not spec.args or not isinstance(array, ast.Name):
            continue
        parameter = parameter_of(module, array)
        annotation = parameter.annotation if parameter else None
        if annotation is None or module.literal(spec.args[0]) != "model":
            continue
        if _leads_with_batch(module, annotation):
            yield _batch(module, spec.args[0], f"{array.id}'s spec")


def _leads_with_batch(module: Module, annotation: ast.expr) -> bool:
    shape = annotation.slice if isinstance(annotation, ast.Subscript) else None
    if not isinstance(shape, ast.Tuple) or len(shape.elts) != 2:
        return False
    text = module.literal(shape.elts[1])
    return isinstance(text, str) and text.split()[:1] in (["batch"], ["b"])


def _batch(module: Module, node: ast.expr, where: str) -> Finding:
    return module.finding(
        "JX908",
        node,
        f"The batch goes over the axis 'model' in {where}: 'model' holds the parts of one copy of "
        "the weights, so every device of 'data' would compute the same examples. Shard the batch "
        "over 'data'.",
    )


def _sharded(module: Module) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yields arrays with the shardings that they are given."""
    if "PartitionSpec" not in module.source and not specs(module):
        return
    for call in module.nodes(ast.Call):
        if len(call.args) >= 2 and module.resolve(call.func) in _SHARDING:
            yield call.args[0], call.args[1]


def _collective_axes(module: Module) -> Iterator[Axis]:
    if "lax" not in module.source or "pallas" in module.source:  # kernels bind their own axes
        return
    for call in module.nodes(ast.Call):
        name = module.resolve(call.func) or ""
        prefix, _, last = name.rpartition(".")
        if prefix != "jax.lax" or last not in _COLLECTIVES:
            continue
        keywords = {k.arg: k.value for k in call.keywords}
        at = _COLLECTIVES[last]
        node = keywords.get("axis_name") or (call.args[at] if len(call.args) > at else None)
        elements = node.elts if isinstance(node, ast.Tuple | ast.List) else [node] if node else []
        for element in elements:
            value = module.literal(element)
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, str):
                    yield Axis(module, element, each, f"jax.lax.{last}")


def _listed(project: Project) -> str:
    names = dict.fromkeys([*project.settings.mesh_axes, *sorted(axes(project).of_meshes)])
    return ", ".join(map(repr, names))


def _advice(near: str) -> str:
    return f" Did you mean {near!r}?" if near else ""
