"""Choices that depend on values, inside compiled functions."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


@jax.jit
def huber(error: Float[Array, "batch"], delta: Float[Array, ""]) -> Float[Array, "batch"]:
    size = jnp.abs(error)
    return jnp.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta))


@jax.jit
def clip_norm(
    x: Float[Array, "batch d_model"], limit: Float[Array, ""]
) -> Float[Array, "batch d_model"]:
    norm = jnp.sqrt(jnp.sum(x**2) + 1e-6)
    scale = jnp.where(norm > limit, limit / norm, 1.0)
    return x * scale


@jax.jit
def warm_up(step: Int[Array, ""], peak: Float[Array, ""]) -> Float[Array, ""]:
    rate = jnp.minimum(step / 1000.0, 1.0)
    return peak * rate


@jax.jit
def masked_mean(
    x: Float[Array, "batch seq_len"], mask: Bool[Array, "batch seq_len"]
) -> Float[Array, ""]:
    kept = jnp.where(mask, x, 0.0)
    return jnp.sum(kept) / jnp.maximum(jnp.sum(mask), 1)


@jax.jit
def double_or_halve(scale: Float[Array, ""], finite: Bool[Array, ""]) -> Float[Array, ""]:
    scale = jax.lax.cond(finite, lambda s: s * 2.0, lambda s: s / 2.0, scale)
    return jnp.maximum(scale, 1.0)


@jax.jit
def newton_root(value: Float[Array, ""]) -> Float[Array, ""]:
    def unfinished(guess: Float[Array, ""]) -> Bool[Array, ""]:
        return jnp.logical_and(guess > 0, jnp.abs(guess**2 - value) > 1e-3)

    def improve(guess: Float[Array, ""]) -> Float[Array, ""]:
        return 0.5 * (guess + value / jnp.maximum(guess, 1e-6))

    root = jax.lax.while_loop(unfinished, improve, value)
    return root


@partial(jax.jit, donate_argnames=("old",))
def keep_better(
    old: Float[Array, "batch d_model"],
    new: Float[Array, "batch d_model"],
    old_loss: Float[Array, ""],
    new_loss: Float[Array, ""],
) -> Float[Array, "batch d_model"]:
    better = (new_loss < old_loss) & jnp.isfinite(new_loss)
    return jnp.where(better, new, old)


def attention_mask(
    segments: Int[Array, "batch seq_len"], lengths: Int[Array, "batch"]
) -> Bool[Array, "batch seq_len seq_len"]:
    same = segments[:, :, None] == segments[:, None, :]
    inside = jnp.arange(segments.shape[1])[None, :] < lengths[:, None]
    return same & inside[:, None, :]


compiled_mask = jax.jit(attention_mask)


@jax.jit
def beam_scores(
    scores: Float[Array, "batch vocab_size"], ended: Bool[Array, "batch"]
) -> Float[Array, "batch vocab_size"]:
    best = jnp.max(scores, axis=-1, keepdims=True)
    scores = jnp.where(ended[:, None], best, scores)
    return jnp.where(~ended[:, None] | (scores > 0), scores, -1e9)


@jax.jit
def all_finite(x: Float[Array, "batch d_model"]) -> Bool[Array, ""]:
    finite = jnp.isfinite(x)
    return jnp.all(finite)


def loss(params: Float[Array, "d_model"], x: Float[Array, "batch d_model"]) -> Float[Array, ""]:
    chex.assert_axis_dimension(x, -1, params.shape[0])
    outputs = jnp.einsum("bd,d->b", x, params)
    hinge = jnp.maximum(0.0, 1.0 - outputs)
    total = jnp.mean(hinge)
    return jnp.where(total > 10.0, 10.0, total)


gradient = jax.jit(jax.grad(loss))


def clipped_sum(xs: Float[Array, "seq_len"]) -> Float[Array, ""]:
    def step(total: Float[Array, ""], x: Float[Array, ""]) -> tuple[Float[Array, ""], None]:
        total = jnp.where(x > 0, total + x, total)
        return total, None

    total, _ = jax.lax.scan(step, jnp.zeros(()), xs)
    return total


def distance(left: Float[Array, "d_model"], right: Float[Array, "d_model"]) -> Float[Array, ""]:
    difference = jnp.sum(jnp.abs(left - right))
    return jnp.where(difference < 1.0, 0.0, difference)


distances = jax.vmap(distance)
