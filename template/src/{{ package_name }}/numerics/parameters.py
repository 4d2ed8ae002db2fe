"""Parameters: drawn in float32, kept in the parameter dtype, with named axes."""

from collections.abc import Container
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import PRNGKeyArray

from .precision import Precision
from .shapes import AnyArray


class Frozen(nnx.Variable):
    """A weight that is not trained."""


def parameter(
    key: PRNGKeyArray, sizes: dict[str, int], fan_in: int, precision: Precision
) -> nnx.Param:
    """A weight drawn in float32 with variance 1 / fan_in, then cast to the parameter dtype.

    Args:
        key: Randomness of this weight alone.
        sizes: Size of each dimension by name; the names decide the sharding (`parallel.rules`).
        fan_in: Number of inputs that are summed into one output.
        precision: The policy.
    """
    weight = jax.random.normal(key, tuple(sizes.values()), jnp.float32) * fan_in**-0.5
    return declare(weight, tuple(sizes), precision)


def declare(value: AnyArray, dimensions: tuple[str, ...], precision: Precision) -> nnx.Param:
    """A parameter whose axes are named; it is laid out over the mesh when the state is made."""
    value = value.astype(precision.param_dtype)
    return nnx.Param(value, out_sharding=dimensions, eager_sharding=False)


def freeze(model: nnx.Module, paths: Container[str] | None = None) -> None:
    """Make parameters `Frozen`, in place.

    Args:
        model: The module.
        paths: Dotted paths of those to freeze; all of them without it.
    """
    for path, node in nnx.iter_graph(model):
        if isinstance(node, nnx.Param) and (paths is None or ".".join(map(str, path)) in paths):
            variable: Any = node
            variable.__class__ = Frozen  # wherever else the model holds it
