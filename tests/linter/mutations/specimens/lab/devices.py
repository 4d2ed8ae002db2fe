"""Arrays with a leading dimension of devices."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float, Int, PRNGKeyArray


def distributed_forward(
    x: Float[Array, "num_gpu batch_per_gpu seq_len d_model"], w: Float[Array, "d_model d_ff"]
) -> Float[Array, "num_gpu batch_per_gpu seq_len d_ff"]:
    return jnp.einsum("nbsd,df->nbsf", x, w)


def deal(
    images: Float[Array, "batch height width channels"], num_gpu: int
) -> Float[Array, "num_gpu batch_per_gpu height width channels"]:
    return images.reshape(num_gpu, -1, *images.shape[1:])


def collect(
    x: Float[Array, "num_gpu batch_per_gpu d_model"],
) -> Float[Array, "batch d_model"]:
    return x.reshape(-1, x.shape[-1])


def spread_tokens(
    tokens: Int[Array, "batch seq_len"],
) -> Int[Array, "num_gpu batch_per_gpu seq_len"]:
    return tokens.reshape(jax.device_count(), -1, tokens.shape[-1])


def mean_loss(losses: Float[Array, "num_gpu batch_per_gpu"]) -> Float[Array, ""]:
    return jnp.mean(losses)


def local_losses(
    logits: Float[Array, "num_gpu batch_per_gpu vocab_size"],
    labels: Int[Array, "num_gpu batch_per_gpu"],
) -> Float[Array, "num_gpu batch_per_gpu"]:
    picked = jnp.take_along_axis(logits, labels[..., None], axis=-1)[..., 0]
    return jax.nn.logsumexp(logits, axis=-1) - picked


def noisy(
    key: PRNGKeyArray, x: Float[Array, "n_gpu batch_per_gpu d_model"]
) -> Float[Array, "n_gpu batch_per_gpu d_model"]:
    return x + jax.random.normal(key, x.shape)


def sum_over_devices(
    x: Float[Array, "num_gpu batch_per_gpu d_model"], mesh: Mesh
) -> Float[Array, "num_gpu batch_per_gpu d_model"]:
    @partial(
        jax.shard_map,
        mesh=mesh,
        in_specs=PartitionSpec("data"),
        out_specs=PartitionSpec("data"),
    )
    def total(
        x: Float[Array, "1 batch_per_gpu d_model"],
    ) -> Float[Array, "1 batch_per_gpu d_model"]:
        return x - jax.lax.pmean(x, "data")

    return total(x)
