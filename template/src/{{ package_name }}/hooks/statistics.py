"""Norms of gradients, weights and updates by module."""

import jax
from jaxtyping import PyTree
from pydantic import Field

from ..numerics.norms import global_norm
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
        norms = {}
        for module, gradient in _modules(grads, self.depth).items():
            norms[f"grad_norm/{module}"] = global_norm(gradient)
        weights, changes = _modules(params, self.depth), _modules(updates, self.depth)
        for module in weights:
            weight, update = global_norm(weights[module]), global_norm(changes[module])
            norms[f"weight_norm/{module}"] = weight
            norms[f"update_norm/{module}"] = update
            norms[f"update_to_weight/{module}"] = update / (weight + 1e-12)
        return norms


def _modules(tree: PyTree, depth: int) -> dict[str, PyTree]:
    """The arrays of the modules that are `depth` levels down, by dotted path."""
    modules: dict[str, PyTree] = {}
    for path, array in jax.tree.leaves_with_path(tree):
        name = jax.tree_util.keystr(path[:depth], simple=True, separator=".")
        modules.setdefault(name, []).append(array)
    return modules
