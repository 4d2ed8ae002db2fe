"""What a run's state takes of each device's memory, before there is any."""

import contextlib
import math
from collections.abc import Iterator

import jax
from jaxtyping import PyTree

from ..errors import UserError
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


@contextlib.contextmanager
def telling_what_is_too_large(abstract: TrainState) -> Iterator[None]:
    """Say in one line what did not fit into the memory of a device.

    Args:
        abstract: Shapes, dtypes and shardings of the state.

    Raises:
        UserError: An array could not be allocated.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).partition("\n")[0]
        if "out of memory" not in reason.lower():
            raise
        raise UserError(
            f"{reason.rstrip('.')} ({memory_line(abstract)}): make the model or the batch smaller"
        ) from error


def _size(tree: PyTree) -> int:
    """Bytes of arrays on one device."""
    return sum(
        math.prod(leaf.sharding.shard_shape(leaf.shape)) * leaf.dtype.itemsize
        for leaf in jax.tree.leaves(tree)
    )
