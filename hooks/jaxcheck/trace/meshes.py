"""The axes of the meshes that a package makes."""

import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import jax

from ..findings import Finding
from ..project import Project
from ..source.module import Module
from .annotations import evaluated
from .places import finding
from .sizes import UnguessableError


def mesh_findings(project: Project, imported: Mapping[Module, ModuleType]) -> Iterator[Finding]:
    """Yields the functions that, called without arguments, make a mesh of other axes.

    They run for real, on the simulated devices.
    """
    axes = project.settings.mesh_axes
    for module in project.modules.values():
        runtime: Any = imported.get(module)
        for function in module.index.module_scope.functions.values():
            target = getattr(runtime, function.name, None)
            if function.returns is None or not inspect.isfunction(target):
                continue
            if module.resolve(function.returns) not in ("jax.sharding.Mesh", "jax.Mesh"):
                continue
            made = _made(target, function.name)
            if made is not None and tuple(made.axis_names) != axes:
                message = (
                    f"`{function.name}()` makes a mesh with the axes {made.axis_names}, the "
                    f"project's are {axes}: a PartitionSpec written for one of them fails or "
                    "shards the wrong dimension on the other. Use the project's names, in order."
                )
                yield finding("JX901", (module, function.returns), message)


def _made(target: Any, name: str) -> jax.sharding.Mesh | None:
    try:
        parameters = evaluated(target, name)
    except UnguessableError:
        return None
    if any(
        p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        for p in parameters.values()
    ):
        return None
    try:
        made = target()
    except Exception:  # no mesh, no judgement
        return None
    return made if isinstance(made, jax.sharding.Mesh) else None
