"""Functions that see one device's share of an array."""

import ast
from collections.abc import Iterator

from ..project import Project
from ..source.calls import inside
from ..source.module import Module
from ..source.scopes import FunctionNode
from ..transforms.tracing import jit_sites, target_of

PMAPS = frozenset({"jax.pmap", "flax.nnx.pmap", "equinox.filter_pmap"})
# In what these are given, an annotation describes one device's share.
_PER_DEVICE = PMAPS | {"jax.shard_map", "flax.nnx.shard_map", "jax.vmap", "flax.nnx.vmap"}


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
