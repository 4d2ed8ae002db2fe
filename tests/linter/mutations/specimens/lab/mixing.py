"""Contractions of several dimensions, each as an einsum."""

import chex
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def project(
    x: Float[Array, "batch seq_len d_in"], w: Float[Array, "d_in d_out"]
) -> Float[Array, "batch seq_len d_out"]:
    return jnp.einsum("bsi,io->bso", x, w)


def scores(
    q: Float[Array, "batch num_heads seq_len d_head"],
    k: Float[Array, "batch num_heads seq_len d_head"],
) -> Float[Array, "batch num_heads seq_len seq_len"]:
    chex.assert_equal_shape([q, k])
    return jnp.einsum("bhid,bhjd->bhij", q, k) * q.shape[-1] ** -0.5


def attend(
    q: Float[Array, "batch num_heads seq_len d_head"],
    k: Float[Array, "batch num_heads seq_len d_head"],
    v: Float[Array, "batch num_heads seq_len d_head"],
) -> Float[Array, "batch num_heads seq_len d_head"]:
    chex.assert_equal_shape([q, k, v])
    weights = jax.nn.softmax(scores(q, k).astype(jnp.float32), axis=-1)
    return jnp.einsum("bhij,bhjd->bhid", weights.astype(v.dtype), v)


def heads(
    x: Float[Array, "batch seq_len d_model"], w: Float[Array, "d_model num_heads d_head"]
) -> Float[Array, "batch num_heads seq_len d_head"]:
    chex.assert_axis_dimension(x, -1, w.shape[0])
    return jnp.einsum("bsd,dhk->bhsk", x, w)


def merge(
    x: Float[Array, "batch num_heads seq_len d_head"],
    w: Float[Array, "num_heads d_head d_model"],
) -> Float[Array, "batch seq_len d_model"]:
    chex.assert_axis_dimension(x, 1, w.shape[0])
    return jnp.einsum("bhsk,hkd->bsd", x, w)


def unembed(
    x: Float[Array, "batch seq_len d_model"], table: Float[Array, "vocab_size d_model"]
) -> Float[Array, "batch seq_len vocab_size"]:
    return jnp.einsum("bsd,vd->bsv", x, table)


def route(
    x: Float[Array, "batch seq_len d_model"], experts: Float[Array, "num_experts d_model d_ff"]
) -> Float[Array, "batch num_experts seq_len d_ff"]:
    chex.assert_axis_dimension(x, -1, experts.shape[1])
    return jnp.einsum("bsd,edf->besf", x, experts)


def gated(
    x: Float[Array, "batch seq_len d_model"],
    gate: Float[Array, "d_model d_ff"],
    up: Float[Array, "d_model d_ff"],
    down: Float[Array, "d_ff d_model"],
) -> Float[Array, "batch seq_len d_model"]:
    chex.assert_equal_shape([gate, up])
    inner = jax.nn.silu(jnp.einsum("bsd,df->bsf", x, gate)) * jnp.einsum("bsd,df->bsf", x, up)
    return jnp.einsum("bsf,fd->bsd", inner, down)


def blend(
    weights: Float[Array, "batch seq_len seq_len"], values: Float[Array, "batch seq_len d_model"]
) -> Float[Array, "batch seq_len d_model"]:
    chex.assert_axis_dimension(weights, -1, values.shape[1])
    return jnp.einsum("bij,bjd->bid", weights, values)


def local(
    images: Float[Array, "batch height width channels"], w: Float[Array, "channels d_model"]
) -> Float[Array, "batch height width d_model"]:
    return jnp.einsum("bhwc,cd->bhwd", images, w)
