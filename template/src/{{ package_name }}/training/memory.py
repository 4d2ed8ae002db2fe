"""What a run's state takes of each device's memory, before there is any."""

import math

import jax
from jaxtyping import PyTree

from .state import TrainState


def memory_line(abstract: TrainState) -> str:
    """Memory of a state on one device by kind, in one line.

    Gradients, which come and go with each step, are float32 like the parameters that they are of.

    Args:
        abstract: Shapes, dtypes and shardings of the state.
    """
    parameters = _size(abstract.params)
    kinds = {
        "parameters": parameters,
        "frozen": _size(abstract.variables),
        "optimizer state": _size(abstract.opt_state),
        "gradients": parameters,
    }
    told = ", ".join(f"{kind} {size / 1e6:,.1f} MB" for kind, size in kinds.items())
    return f"memory of each device: {told}"


def _size(tree: PyTree) -> int:
    """Bytes of arrays on one device."""
    return sum(
        math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize
        for leaf in jax.tree.leaves(tree)
    )
