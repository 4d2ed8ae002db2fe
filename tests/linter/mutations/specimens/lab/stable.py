"""Operations with a dangerous domain, guarded."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Shaped

EPS = 1e-6


def rms_norm(
    x: Float[Array, "batch seq_len d_model"], scale: Float[Array, "d_model"]
) -> Float[Array, "batch seq_len d_model"]:
    wide = x.astype(jnp.float32)
    mean_square = jnp.mean(jnp.square(wide), axis=-1, keepdims=True)
    return (wide * jax.lax.rsqrt(mean_square + 1e-6)).astype(x.dtype) * scale


def layer_norm(x: Float[Array, "batch seq_len d_model"]) -> Float[Array, "batch seq_len d_model"]:
    wide = x.astype(jnp.float32)
    centred = wide - jnp.mean(wide, axis=-1, keepdims=True)
    variance = jnp.mean(jnp.square(centred), axis=-1, keepdims=True)
    return (centred / jnp.sqrt(variance + 1e-5)).astype(x.dtype)


def unit(x: Float[Array, "batch d_model"]) -> Float[Array, "batch d_model"]:
    norm = jnp.linalg.norm(x, axis=-1, keepdims=True)
    return x / (norm + EPS)


def cosine(
    left: Float[Array, "batch d_model"], right: Float[Array, "batch d_model"]
) -> Float[Array, "batch"]:
    product = jnp.sum(left * right, axis=-1)
    squares = jnp.sum(left**2, axis=-1) * jnp.sum(right**2, axis=-1)
    return product * jax.lax.rsqrt(squares + 1e-6)


def entropy(probabilities: Float[Array, "batch num_classes"]) -> Float[Array, "batch"]:
    logs = jnp.log(probabilities + 1e-9)
    return -jnp.sum(probabilities * logs, axis=-1)


def cross_entropy(
    logits: Float[Array, "batch num_classes"], targets: Float[Array, "batch num_classes"]
) -> Float[Array, "batch"]:
    return -jnp.sum(targets * jax.nn.log_softmax(logits, axis=-1), axis=-1)


def normaliser(logits: Float[Array, "batch seq_len vocab_size"]) -> Float[Array, "batch seq_len"]:
    return jax.nn.logsumexp(logits, axis=-1)


def softplus(x: Float[Array, "batch d_model"]) -> Float[Array, "batch d_model"]:
    return jnp.maximum(x, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


def survival(rate: Float[Array, "batch"]) -> Float[Array, "batch"]:
    return -jnp.expm1(-jnp.abs(rate))


def masked_mean(
    x: Float[Array, "batch seq_len"], weights: Float[Array, "batch seq_len"]
) -> Float[Array, "batch"]:
    total = jnp.sum(weights, axis=-1)
    return jnp.sum(x * weights, axis=-1) / jnp.where(total > 0, total, 1.0)


def share(counts: Float[Array, "batch num_classes"]) -> Float[Array, "batch num_classes"]:
    return counts / jnp.maximum(jnp.sum(counts, axis=-1, keepdims=True), 1.0)


def log_likelihood(probabilities: Float[Array, "batch"]) -> Float[Array, "batch"]:
    return jnp.log(jnp.clip(probabilities, 1e-7, 1.0))


def scale_of(x: Float[Array, "batch d_model"]) -> Float[Array, "batch"]:
    return jnp.sqrt(jnp.maximum(jnp.var(x, axis=-1), 1e-8))


def angle(
    left: Float[Array, "batch d_model"], right: Float[Array, "batch d_model"]
) -> Float[Array, "batch"]:
    return jnp.arccos(jnp.clip(cosine(left, right), -0.999999, 0.999999))


def information(
    left: Float[Array, "batch num_classes"], right: Float[Array, "batch num_classes"]
) -> Float[Array, "batch"]:
    ratio = jnp.log(left + EPS) - jnp.log(right + EPS)
    return jnp.sum(left * ratio, axis=-1)


def acceptable(loss: Float[Array, ""], norm: Float[Array, ""]) -> Bool[Array, ""]:
    return jnp.isfinite(loss) & (norm < 100.0)


@jax.jit
def statistics(
    x: Float[Array, "batch d_model"], weights: Float[Array, "batch d_model"]
) -> dict[str, Shaped[Array, "..."]]:
    means = masked_mean(x, weights)
    smooth = softplus(x)
    return {
        "mean": means,
        "share": share(smooth),
        "scale": scale_of(x),
        "acceptable": acceptable(jnp.mean(means), jnp.mean(smooth)),
    }
