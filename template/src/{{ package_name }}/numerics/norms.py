"""Norms of gradients, in the graph."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from .shapes import Scalar


def global_norm(tree: PyTree[Float[Array, "..."]]) -> Scalar:
    """Euclidean norm of all leaves together, summed in float32."""
    squares = [jnp.sum(jnp.square(leaf.astype(jnp.float32))) for leaf in jax.tree.leaves(tree)]
    return jnp.sqrt(sum(squares, start=jnp.zeros((), jnp.float32)))


def module_norms(grads: dict[str, PyTree]) -> dict[str, Scalar]:
    """Norm of each top-level module's gradients, so that trouble has an address."""
    return {name: global_norm(grads[name]) for name in sorted(grads)}
