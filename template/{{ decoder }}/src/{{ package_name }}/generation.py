"""Generation: one token at a time, with cached keys and values."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.experimental import io_callback
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray
from pydantic import Field

from .decoder import Cache
from .model import Transformer
from .settings import Settings, Size
from .tokenizer import DOCUMENT

# While it generates: how many tokens are made, they, which sequences have ended, logits, the cache.
Carry = tuple[
    Int[Array, ""],
    Int[Array, "batch max_tokens"],
    Bool[Array, "batch"],
    Float[Array, "batch vocab_size"],
    Cache,
]


Watch = Callable[[np.ndarray], np.ndarray]


class Sampling(Settings):
    """How the next token is picked.

    Attributes:
        max_tokens: Tokens to generate at most.
        temperature: Divides the logits; 0 always takes the likeliest token.
        top_k: Only the so many likeliest tokens are considered; 0 considers all.
        top_p: Of these, only the likeliest whose probabilities make up so much together
            (Holtzman et al., 2020).
        min_p: Of these, only those at least so many times as likely as the likeliest
            (Nguyen et al., 2024).
    """

    max_tokens: Size = 256
    temperature: float = Field(default=0.8, ge=0)
    top_k: int = Field(default=0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    min_p: float = Field(default=0.0, ge=0, le=1)


def generate(
    model: Transformer,
    prompt: Int[Array, "batch seq_len"],
    key: PRNGKeyArray | None,
    sampling: Sampling,
    *,
    starts: Int[Array, " batch"] | None = None,
    end: int = DOCUMENT,
    watch: Watch | None = None,
) -> Int[Array, "batch max_tokens"]:
    """Continue every prompt until its document ends or `sampling.max_tokens` are made.

    Args:
        model: The model.
        prompt: Token ids, at least one a prompt; shorter prompts stand behind padding.
        key: Randomness of the samples; at temperature 0, none is needed.
        sampling: How tokens are picked.
        starts: Where each prompt begins, behind its padding; without it, all at 0.
        end: The token that ends a document.
        watch: Told the new token of every sequence as soon as it is made, and says which of them
            are to end there.

    Returns:
        The new tokens; after the end of a document, `end` only.
    """
    graphdef, state = nnx.split(model)
    starts = jnp.zeros(prompt.shape[:1], jnp.int32) if starts is None else starts
    return _generate(graphdef, state, prompt, starts, key, sampling, end, watch)


@partial(jax.jit, static_argnames=("graphdef", "sampling", "end", "watch"))
def _generate(
    graphdef: nnx.GraphDef,
    state: nnx.State,
    prompt: Int[Array, "batch seq_len"],
    starts: Int[Array, " batch"],
    key: PRNGKeyArray | None,
    sampling: Sampling,
    end: int,
    watch: Watch | None,
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
        ended |= token == end
        if watch is not None:
            told = jax.ShapeDtypeStruct(ended.shape, bool)
            ended |= io_callback(watch, told, token)
        logits, cache = model.extend(token[:, None], cache, starts)
        return index + 1, made, ended, logits[:, -1], cache

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
    logits = logits / sampling.temperature
    if sampling.top_p < 1:
        best = -jnp.sort(-logits, axis=-1)
        before = jnp.cumsum(jax.nn.softmax(best, axis=-1), axis=-1) - jax.nn.softmax(best, axis=-1)
        least = jnp.min(jnp.where(before < sampling.top_p, best, jnp.inf), axis=-1, keepdims=True)
        logits = jnp.where(logits < least, -jnp.inf, logits)
    if sampling.min_p:
        least = jnp.max(logits, axis=-1, keepdims=True) + jnp.log(sampling.min_p)
        logits = jnp.where(logits < least, -jnp.inf, logits)
    return jax.random.categorical(jax.random.fold_in(key, index), logits, axis=-1)
