"""The one table that says what is sharded over what.

Parameters and activations carry the names of their dimensions (`numerics.shapes`); the table maps
such a name to an axis of the mesh. A name that is absent is replicated.
"""

from collections.abc import Mapping
from typing import Any

import jax
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, PyTree

from ..errors import UserError
from .mesh import MeshSettings, get_sharding_spec

ACTIVATION_RULES = {
    "batch": "data",
    "num_heads": "model",
    "d_ff": "model",
    "vocab_size": "model",
}
WEIGHT_RULES = {"num_heads": "model", "d_ff": "model", "vocab_size": "model"}
FSDP_RULES = {**WEIGHT_RULES, "d_model": "data"}


def weight_rules(settings: MeshSettings) -> Mapping[str, str]:
    """The table for weights: FSDP spreads them, and what an optimizer keeps, over ``data`` too."""
    return FSDP_RULES if settings.fsdp else WEIGHT_RULES


def constrain(x: Float[Array, "..."], *dimensions: str) -> Float[Array, "..."]:
    """Fix the sharding of an activation inside a compiled function.

    Without such fixed points XLA may choose to replicate the batch when weights are sharded over
    ``data``. Outside a mesh (`jax.set_mesh`) it does nothing, so a model runs anywhere.

    Args:
        x: An activation.
        *dimensions: Names of its dimensions, one an axis.
    """
    if jax.sharding.get_abstract_mesh().empty:
        return x
    spec = PartitionSpec(*(ACTIVATION_RULES.get(name) for name in dimensions))
    return jax.lax.with_sharding_constraint(x, spec)


def weight_shardings(params: nnx.State, mesh: Mesh, settings: MeshSettings) -> PyTree:
    """Shardings of parameters, by the dimension names that each was declared with.

    Args:
        params: Parameters (concrete or abstract) with ``out_sharding`` metadata.
        mesh: The mesh.
        settings: Says whether weights are spread over ``data`` too.

    Returns:
        Nested dictionaries like ``nnx.to_pure_dict(params)`` with a `NamedSharding` each.

    Raises:
        UserError: A dimension is not divisible by its mesh axis.
    """
    rules = weight_rules(settings)
    shardings = {}
    for path, variable in nnx.to_flat_state(params):
        dimensions: tuple[str, ...] = variable.get_metadata().get("out_sharding") or ()
        dimensions = dimensions or ("",) * len(variable.shape)
        axes = [rules.get(name) for name in dimensions]
        for name, size, axis in zip(dimensions, variable.shape, axes, strict=True):
            if axis is not None and size % mesh.shape[axis]:
                raise UserError(
                    f"mesh.{axis}: {mesh.shape[axis]} does not divide {name}={size} "
                    f"of parameter {'.'.join(map(str, path))}"
                )
        shardings[path] = get_sharding_spec(mesh, axes)
    return nnx.traversals.unflatten_mapping(shardings)


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Sharding of every array of a batch: examples over ``data``."""
    return get_sharding_spec(mesh, ("data",))


def put_batch(batch: dict[str, Any], sharding: NamedSharding) -> dict[str, jax.Array]:
    """Assemble the global batch from each process's share: ``[batch / processes, ...]`` arrays."""
    if jax.process_count() == 1:
        return jax.device_put(batch, sharding)  # one transfer for all arrays
    return {
        name: jax.make_array_from_process_local_data(sharding, array)
        for name, array in batch.items()
    }
