"""Item 9: the (model, data) mesh, and the API that makes and uses it."""

import ast
from collections.abc import Iterator

from ..catalogue import rule, subjects
from ..findings import Confidence, Finding, Severity
from ..project import Project
from ..sharding.meshes import Axes, MeshMade, axes, is_mesh, labels
from ..sharding.specs import axis_tables, specs
from ..source.module import Module
from ..training.training_steps import training_steps
from ..transforms.tracing import JitSite, jit_sites

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
_LAYS_OUT = (
    "in_shardings", "out_shardings", "with_sharding_constraint", "set_mesh", "use_mesh",
    "shard_map", "NamedSharding", "device_put", "make_array_from_process_local_data", "reshard",
    "in_specs",
)  # fmt: skip


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


@rule(
    "JX905",
    "mesh-unused",
    "A project makes a mesh, and lays neither arrays nor compiled functions out over it.",
    confidences=(Confidence.LIKELY,),
)
def mesh_unused(module: Module, project: Project) -> Iterator[Finding]:
    """The jitted function that matters most in a project whose mesh nothing uses."""
    made = [m for m in axes(project).meshes if not m.module.is_test]
    if not made or _lays_out(project, axes(project)):
        return
    mesh, site = made[0], _foremost(project)
    if site is not None and site.module is module and site.target is not None:
        yield module.finding(
            "JX905",
            site.node,
            f"{site.target.function.name} is compiled without shardings, and nothing in the "
            "project lays an array out over the mesh it makes: all of it runs on one device and "
            "the others idle. Give jax.jit in_shardings or out_shardings, or put the batch on the "
            "mesh with jax.device_put(batch, NamedSharding(…)).",
            related=(mesh.module.place(mesh.call, "the mesh is made here"),),
        )


def _foremost(project: Project) -> JitSite | None:
    """Returns where a training step is jitted, or else any function: one finding is enough."""
    sites = [
        site
        for module in project.modules.values()
        if module.uses_jax and not module.is_test
        for site in jit_sites(module)
        if site.name in ("jax.jit", "flax.nnx.jit") and site.target is not None
    ]
    steps = {step.function.node for step in training_steps(project)}
    return next((s for s in sites if s.target and s.target.function.node in steps), None) or next(
        iter(sites), None
    )


def _lays_out(project: Project, found: Axes) -> bool:
    known: bool | None = project.facts.get("lays_out")
    if known is None:
        sources = [m.source for m in project.modules.values() if m.uses_jax and not m.is_test]
        known = any(word in source for source in sources for word in _LAYS_OUT)
        project.facts["lays_out"] = known
    return known
