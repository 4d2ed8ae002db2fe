"""Weights, each drawn with a key of its own."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

Layer = tuple[Float[Array, "d_in d_out"], Float[Array, "d_out"]]


def init_layer(
    key: PRNGKeyArray, d_in: int, d_out: int
) -> tuple[Float[Array, "d_in d_out"], Float[Array, "d_out"]]:
    weight_key, bias_key = jax.random.split(key)
    weight = jax.random.normal(weight_key, (d_in, d_out), jnp.float32) / math.sqrt(d_in)
    bias = 0.01 * jax.random.normal(bias_key, (d_out,), jnp.float32)
    return weight, bias


def init_layers(key: PRNGKeyArray, sizes: tuple[int, ...]) -> list[Layer]:
    keys = jax.random.split(key, len(sizes) - 1)
    return [
        init_layer(layer_key, d_in, d_out)
        for layer_key, d_in, d_out in zip(keys, sizes[:-1], sizes[1:], strict=True)
    ]


def init_attention(
    key: PRNGKeyArray, d_model: int, d_head: int
) -> dict[str, Float[Array, "d_model d_head"]]:
    query_key, key_key, value_key = jax.random.split(key, 3)
    scale = d_model**-0.5
    return {
        "query": scale * jax.random.normal(query_key, (d_model, d_head), jnp.float32),
        "key": scale * jax.random.normal(key_key, (d_model, d_head), jnp.float32),
        "value": scale * jax.random.normal(value_key, (d_model, d_head), jnp.float32),
    }


def init_embeddings(
    key: PRNGKeyArray, vocab_size: int, max_seq_len: int, d_model: int
) -> tuple[Float[Array, "vocab_size d_model"], Float[Array, "max_seq_len d_model"]]:
    key, token_key = jax.random.split(key)
    tokens = jax.random.truncated_normal(token_key, -2.0, 2.0, (vocab_size, d_model), jnp.float32)
    key, position_key = jax.random.split(key)
    positions = 0.02 * jax.random.normal(position_key, (max_seq_len, d_model), jnp.float32)
    scale = jax.random.uniform(key, (), jnp.float32, 0.9, 1.1)
    return scale * tokens, positions


def init_experts(
    key: PRNGKeyArray, num_experts: int, d_model: int, d_ff: int
) -> list[Float[Array, "d_model d_ff"]]:
    experts = []
    for expert in range(num_experts):
        expert_key = jax.random.fold_in(key, expert)
        experts.append(jax.random.normal(expert_key, (d_model, d_ff), jnp.float32))
    return experts


def init_blocks(
    key: PRNGKeyArray, num_layers: int, d_model: int, d_ff: int
) -> list[dict[str, Float[Array, "..."]]]:
    blocks = []
    for _ in range(num_layers):
        key, up_key, down_key = jax.random.split(key, 3)
        blocks.append(
            {
                "up": jax.random.normal(up_key, (d_model, d_ff), jnp.float32),
                "down": jax.random.normal(down_key, (d_ff, d_model), jnp.float32),
            }
        )
    return blocks


def init_everything(
    key: PRNGKeyArray, vocab_size: int, d_model: int, d_ff: int
) -> dict[str, Float[Array, "..."]]:
    embed_key, *layer_keys = jax.random.split(key, 4)
    params = {"embed": jax.random.normal(embed_key, (vocab_size, d_model), jnp.float32)}
    for number, layer_key in enumerate(layer_keys):
        weight, bias = init_layer(layer_key, d_model, d_ff)
        params[f"weight_{number}"], params[f"bias_{number}"] = weight, bias
    return params
