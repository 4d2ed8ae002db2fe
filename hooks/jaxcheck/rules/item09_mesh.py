"""Item 9: the (model, data) mesh, and the API that makes and uses it."""

import ast
from collections.abc import Iterator

from ..catalogue import rule, subjects
from ..findings import Confidence, Finding, Severity
from ..project import Project
from ..sharding.meshes import MeshMade, axes, is_mesh, labels
from ..sharding.specs import axis_tables, specs
from ..source.module import Module

_OLD = {
    "jax.sharding.PositionalSharding": "jax.sharding.NamedSharding(mesh, PartitionSpec(…))",
    "jax.sharding.GSPMDSharding": "jax.sharding.NamedSharding(mesh, PartitionSpec(…))",
    "jax.sharding.PmapSharding": "jax.sharding.NamedSharding(mesh, PartitionSpec(…))",
    "jax.interpreters.pxla.ShardingSpec": "jax.sharding.PartitionSpec",
    "jax.experimental.pjit.pjit": "jax.jit, which takes in_shardings and out_shardings",
    "jax.experimental.maps.xmap": "jax.shard_map, or jax.vmap under jax.jit",
    "jax.experimental.maps.Mesh": "jax.sharding.Mesh",
    "jax.experimental.maps.mesh": "jax.make_mesh",
    "jax.interpreters.pxla.Mesh": "jax.sharding.Mesh",
    "jax.experimental.global_device_array.GlobalDeviceArray": "jax.Array",
    "jax.sharding.use_mesh": "jax.set_mesh",
    "jax.experimental.shard.auto_axes": "jax.sharding.auto_axes",
}
_OLD_WORDS = ("Sharding", "pjit", "xmap", "pxla", "maps", "use_mesh", "global_device_array")


@subjects(9, "meshes and partition specs in the (model, data) convention")
def meshes_and_specs(module: Module, project: Project) -> Iterator[ast.AST]:
    """Calls that make a mesh or a spec, and tables of axes."""
    yield from (made.call for made in axes(project).meshes if made.module is module)
    yield from specs(module)
    yield from (table for here, table in axis_tables(project) if here is module)


@rule(
    "JX901",
    "mesh-axes",
    "A mesh has other axes than the project's, or its axes in another order.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY),
    in_tests=Confidence.PROVEN,
    tiers=("static", "trace"),
)
def mesh_axes(module: Module, project: Project) -> Iterator[Finding]:
    """Axis names that are not the configured ones, or sizes in another order than the names."""
    wanted = project.settings.mesh_axes
    for made in axes(project).meshes:
        if made.module is not module or not made.names:
            continue
        at = made.names_at or made.call
        if made.names != wanted:
            yield module.finding(
                "JX901",
                at,
                _axes_message(made.names, wanted),
                confidence=Confidence.PROVEN if made.literal else Confidence.LIKELY,
            )
        else:
            yield from _sizes(module, made)


def _axes_message(names: tuple[str, ...], wanted: tuple[str, ...]) -> str:
    here, ours = (f"({', '.join(each)})" for each in (names, wanted))
    if sorted(names) == sorted(wanted):
        return (
            f"This mesh has the axes {here}, not {ours}: sizes are given by position, so a shape "
            f"meant for {ours}, such as (1, 8), puts its 8 devices on the axis "
            f"{names[-1]} instead of {wanted[-1]}. Write axis_names={wanted!r}."
        )
    missing = next((name for name in reversed(wanted) if name not in names), wanted[0])
    return (
        f"This mesh has the axes {here}; the project's meshes are {ours}. A PartitionSpec with "
        f"{missing!r} raises ValueError on it. Write axis_names={wanted!r}, with size 1 for an "
        "axis that is not used."
    )


def _sizes(module: Module, made: MeshMade) -> Iterator[Finding]:
    names = made.names or ()
    for found in labels(module, made.sizes):
        given = tuple(_axis_in(label, names) for label in found)
        if given != names and sorted(given) == sorted(names) and made.sizes is not None:
            yield module.finding(
                "JX901",
                made.sizes,
                f"The sizes of this mesh come as ({', '.join(map(str, found))}) but its axes as "
                f"({', '.join(names)}): each axis gets the other's number of devices. Give the "
                "sizes in the order of the axes.",
                confidence=Confidence.LIKELY,
            )
            return


def _axis_in(label: str | None, names: tuple[str, ...]) -> str:
    """The one axis that a name such as `data`, `num_data` or `data_parallel` speaks of."""
    words = (label or "").lower().split("_")
    spoken = [name for name in names if name.lower() in words]
    return spoken[0] if len(spoken) == 1 else ""


@rule(
    "JX903",
    "old-sharding-api",
    "A sharding API that JAX has replaced or removed.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY),
    severity=Severity.WARNING,
    in_tests=Confidence.PROVEN,
)
def old_sharding_api(module: Module, project: Project) -> Iterator[Finding]:
    """Names of the old API where they are used, and `with mesh:`."""
    if any(word in module.source for word in _OLD_WORDS):
        for kind in (ast.Name, ast.Attribute):
            for node in module.nodes(kind):
                name = module.resolve(node) if isinstance(node.ctx, ast.Load) else None
                if name in _OLD:
                    yield module.finding(
                        "JX903",
                        node,
                        f"{name} is no longer part of JAX's sharding API: current releases have "
                        f"removed it or keep a shim. Use {_OLD[name]}.",
                    )
    if "esh" not in module.source:
        return
    for item in module.nodes(ast.withitem):
        if is_mesh(module, item.context_expr):
            text = module.text(item.context_expr)
            yield module.finding(
                "JX903",
                item.context_expr,
                f"`with {text}:` sets the mesh for the old API only: inside it "
                "jax.sharding.get_abstract_mesh() stays empty, so code that asks for the mesh "
                f"shards nothing. Write `with jax.set_mesh({text}):`.",
            )
