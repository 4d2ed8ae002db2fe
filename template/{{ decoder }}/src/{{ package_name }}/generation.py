"""Generation: one token at a time, with cached keys and values."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray
from pydantic import Field

from .attention import Cache
from .model import Transformer
from .settings import Settings
from .tokenizer import DOCUMENT

# While it generates: how many tokens are made, they, which sequences have ended, logits, the cache.
Carry = tuple[
    Int[Array, ""],
    Int[Array, "batch max_tokens"],
    Bool[Array, "batch"],
    Float[Array, "batch vocab_size"],
    Cache,
]


class Sampling(Settings):
    """How the next token is picked.

    Attributes:
        max_tokens: Tokens to generate at most.
        temperature: Divides the logits; 0 always takes the likeliest token.
        top_k: Only the so many likeliest tokens are considered; 0 considers all.
    """

    max_tokens: int = Field(default=256, ge=1)
    temperature: float = Field(default=0.8, ge=0)
    top_k: int = Field(default=0, ge=0)


def generate(
    model: Transformer,
    prompt: Int[Array, "batch seq_len"],
    key: PRNGKeyArray | None,
    sampling: Sampling,
    *,
    starts: Int[Array, " batch"] | None = None,
    end: int = DOCUMENT,
) -> Int[Array, "batch max_tokens"]:
    """Continue every prompt until its document ends or `sampling.max_tokens` are made.

    Args:
        model: The model.
        prompt: Token ids, at least one a prompt; shorter prompts stand behind padding.
        key: Randomness of the samples; at temperature 0, none is needed.
        sampling: How tokens are picked.
        starts: Where each prompt begins, behind its padding; without it, all at 0.
        end: The token that ends a document.

    Returns:
        The new tokens; after the end of a document, `end` only.
    """
    graphdef, state = nnx.split(model)
    starts = jnp.zeros(prompt.shape[:1], jnp.int32) if starts is None else starts
    return _generate(graphdef, state, prompt, starts, key, sampling, end)


@partial(jax.jit, static_argnames=("graphdef", "sampling", "end"))
def _generate(
    graphdef: nnx.GraphDef,
    state: nnx.State,
    prompt: Int[Array, "batch seq_len"],
    starts: Int[Array, " batch"],
    key: PRNGKeyArray | None,
    sampling: Sampling,
    end: int,
) -> Int[Array, "batch max_tokens"]:
    model = nnx.merge(graphdef, state)
    batch, length = prompt.shape
    cache = model.empty_cache(batch, length + sampling.max_tokens)
    logits, cache = model.extend(prompt, cache, starts)
    made = jnp.full((batch, sampling.max_tokens), end, prompt.dtype)
    ended = jnp.zeros((batch,), bool)

    def unfinished(carry: Carry) -> Bool[Array, ""]:
        index, _, ended, _, _ = carry
        return (index < sampling.max_tokens) & ~jnp.all(ended)

    def advance(carry: Carry) -> Carry:
        index, made, ended, logits, cache = carry
        token = _pick(logits, key, index, sampling)
        token = jnp.where(ended, end, token).astype(made.dtype)
        made = jax.lax.dynamic_update_slice(made, token[:, None], (0, index))
        logits, cache = model.extend(token[:, None], cache, starts)
        return index + 1, made, ended | (token == end), logits[:, -1], cache

    carry = (jnp.zeros((), jnp.int32), made, ended, logits[:, -1], cache)
    return jax.lax.while_loop(unfinished, advance, carry)[1]


def _pick(
    logits: Float[Array, "batch vocab_size"],
    key: PRNGKeyArray | None,
    index: Int[Array, ""],
    sampling: Sampling,
) -> Int[Array, "batch"]:
    if sampling.temperature == 0:
        return jnp.argmax(logits, axis=-1)
    if key is None:
        raise ValueError("samples need a key; only at temperature 0 nothing is random")
    if sampling.top_k:
        least = jax.lax.top_k(logits, min(sampling.top_k, logits.shape[-1]))[0][:, -1:]
        logits = jnp.where(logits < least, -jnp.inf, logits)
    key = jax.random.fold_in(key, index)
    return jax.random.categorical(key, logits / sampling.temperature, axis=-1)
