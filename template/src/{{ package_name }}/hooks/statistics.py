"""Norms of gradients, weights and updates by module."""

import optax
from jaxtyping import PyTree
from pydantic import Field

from ..numerics.shapes import Scalar
from ..training.hook import Hook


class ModuleStatistics(Hook):
    """Records the norms of each module's gradients, weights and updates in every step.

    ``update_to_weight/<module>`` is the ratio of the last two: about 1e-3 in most healthy runs, and
    0 where a module learns nothing.

    Attributes:
        depth: Levels of modules that are told apart: 2 for ``blocks.attention``.
    """

    depth: int = Field(default=2, ge=1)

    def step_metrics(self, grads: PyTree, updates: PyTree, params: PyTree) -> dict[str, Scalar]:
        """The norms, by kind and module."""
        norms, depth = {}, self.depth
        gradients, changes = _modules(grads, depth), _modules(updates, depth)
        for module, weights in _modules(params, depth).items():
            weight, update = optax.tree.norm(weights), optax.tree.norm(changes[module])
            norms[f"grad_norm/{module}"] = optax.tree.norm(gradients[module])
            norms[f"weight_norm/{module}"] = weight
            norms[f"update_norm/{module}"] = update
            norms[f"update_to_weight/{module}"] = update / (weight + 1e-12)
        return norms


def _modules(tree: PyTree, depth: int, path: str = "") -> dict[str, PyTree]:
    """The subtrees that are `depth` levels down, by dotted path; shallower arrays by their own."""
    if depth == 0 or not isinstance(tree, dict):
        return {path: tree}
    found = {}
    for name in sorted(tree, key=str):
        found |= _modules(tree[name], depth - 1, f"{path}.{name}".removeprefix("."))
    return found
