"""What lies where on the (model, data) mesh."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Float

AXES = ("model", "data")
AUTO = (AxisType.Auto, AxisType.Auto)
RULES = {"batch": "data", "d_ff": "model", "vocab_size": "model"}


def create_mesh(model: int) -> Mesh:
    return jax.make_mesh((model, jax.device_count() // model), AXES, axis_types=AUTO)


def small_mesh() -> Mesh:
    return jax.make_mesh((1, 1), ("model", "data"), axis_types=AUTO)


def explicit_mesh(model: int) -> Mesh:
    devices = np.array(jax.devices()).reshape(model, -1)
    return Mesh(devices, axis_names=("model", "data"))


def shard_batch(
    batch: Float[Array, "batch seq_len d_model"], mesh: Mesh
) -> Float[Array, "batch seq_len d_model"]:
    return jax.device_put(batch, NamedSharding(mesh, P("data", None, None)))


def shard_weights(
    weights: Float[Array, "d_model d_ff"], mesh: Mesh
) -> Float[Array, "d_model d_ff"]:
    return jax.device_put(weights, NamedSharding(mesh, P(None, "model")))


def shard_both(weights: Float[Array, "d_model d_ff"], mesh: Mesh) -> Float[Array, "d_model d_ff"]:
    return jax.device_put(weights, NamedSharding(mesh, P("data", "model")))


def sharding_of(dimensions: tuple[str, ...], mesh: Mesh) -> NamedSharding:
    return NamedSharding(mesh, P(*(RULES.get(name) for name in dimensions)))


def constrain(
    x: Float[Array, "batch seq_len d_ff"],
) -> Float[Array, "batch seq_len d_ff"]:
    return jax.lax.with_sharding_constraint(x, P("data", None, "model"))


def fold_axes(x: Float[Array, "batch d_model"], mesh: Mesh) -> Float[Array, "batch d_model"]:
    return jax.device_put(x, NamedSharding(mesh, P(("model", "data"), None)))


def global_mean(x: Float[Array, "batch d_model"], mesh: Mesh) -> Float[Array, "d_model"]:
    @partial(jax.shard_map, mesh=mesh, in_specs=P("data"), out_specs=P())
    def mean(x: Float[Array, "batch_per_gpu d_model"]) -> Float[Array, "d_model"]:
        return jax.lax.pmean(jnp.mean(x, axis=0), "data")

    return mean(x)


def tensor_parallel(
    x: Float[Array, "batch d_ff"], w: Float[Array, "d_ff d_model"], mesh: Mesh
) -> Float[Array, "batch d_model"]:
    @partial(
        jax.shard_map,
        mesh=mesh,
        in_specs=(P("data", "model"), P("model", None)),
        out_specs=P("data", None),
    )
    def product(
        x: Float[Array, "batch_per_gpu d_ff"], w: Float[Array, "d_ff d_model"]
    ) -> Float[Array, "batch_per_gpu d_model"]:
        return jax.lax.psum(jnp.einsum("bf,fd->bd", x, w), axis_name="model")

    return product(x, w)


def examples_per_device(batch_size: int, mesh: Mesh) -> int:
    return batch_size // mesh.shape["data"]
