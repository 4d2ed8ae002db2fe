"""Prompts and what follows them: how both stand in one sequence, and how likely the model finds it.

Prompts are padded on the left and completions on the right, so that every completion begins at the
same place. Positions count real tokens only, and no token sees padding: where the padding stands
changes nothing.
"""

from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ..numerics.shapes import AttentionMask

Prompt = Int[Array, "batch prompt_len"]
PromptMask = Bool[Array, "batch prompt_len"]
Completion = Int[Array, "batch max_tokens"]
CompletionMask = Bool[Array, "batch max_tokens"]


class Layout(NamedTuple):
    """A prompt and its completion as one sequence.

    Attributes:
        tokens: Both, one behind the other.
        positions: Places of the real tokens, from 0.
        mask: Which positions each of them sees: itself and the real ones before.
    """

    tokens: Int[Array, "batch seq_len"]
    positions: Int[Array, "batch seq_len"]
    mask: AttentionMask


def lay_out(
    prompt: Prompt, prompt_mask: PromptMask, completion: Completion, completion_mask: CompletionMask
) -> Layout:
    """Put completions behind their prompts.

    Args:
        prompt: Token ids, padded on the left.
        prompt_mask: False for padding.
        completion: Token ids, padded on the right.
        completion_mask: False for padding, and for tokens between those that count in a loss.
    """
    there = jnp.cumsum(completion_mask[:, ::-1], axis=1)[:, ::-1] > 0  # up to the last that counts
    real = jnp.concatenate([prompt_mask, there], axis=1)
    length = real.shape[1]
    causal = jnp.tril(jnp.ones((length, length), bool))
    return Layout(
        tokens=jnp.concatenate([prompt, completion], axis=1),
        positions=jnp.maximum(jnp.cumsum(real, axis=1, dtype=jnp.int32) - 1, 0),
        mask=(causal[None] & real[:, None, :])[:, None],
    )


def lay_out_packed(batch: dict[str, Array]) -> Layout:
    """Rows of several examples (see `packing.py`), each of which sees itself alone."""
    tokens, segments, positions = (batch[name] for name in ("tokens", "segments", "positions"))
    chex.assert_equal_shape([tokens, segments, positions])
    same = segments[:, :, None] == segments[:, None, :]
    return Layout(tokens, positions, jnp.tril(same)[:, None])


def completion_logits(
    model: Any,
    prompt: Prompt,
    prompt_mask: PromptMask,
    completion: Completion,
    completion_mask: CompletionMask,
    *,
    key: PRNGKeyArray | None = None,
) -> Float[Array, "batch max_tokens vocab_size"]:
    """Logits that predict each token of the completions; `key` is for dropout."""
    layout = lay_out(prompt, prompt_mask, completion, completion_mask)
    logits, _ = model.attend(layout.tokens, layout.mask, layout.positions, key=key)
    return logits[:, prompt.shape[1] - 1 : -1]


def response_logits(
    model: Any, batch: dict[str, Array], name: str = "response", *, key: PRNGKeyArray | None = None
) -> Float[Array, "batch max_tokens vocab_size"]:
    """Logits that predict each token of the responses called `name` in a batch."""
    response, mask = batch[name], batch[f"{name}_mask"]
    chex.assert_equal_shape([response, mask])
    return completion_logits(model, batch["prompt"], batch["prompt_mask"], response, mask, key=key)


def packed_logits(
    model: Any, batch: dict[str, Array], *, key: PRNGKeyArray | None = None
) -> Float[Array, "batch seq_len vocab_size"]:
    """Logits that predict each token of packed rows but the first; `key` is for dropout."""
    layout = lay_out_packed(batch)
    logits, _ = model.attend(layout.tokens, layout.mask, layout.positions, key=key)
    return logits[:, :-1]


def log_probs(
    logits: Float[Array, "batch seq_len vocab_size"], tokens: Int[Array, "batch seq_len"]
) -> Float[Array, "batch seq_len"]:
    """Log-probability of each token under the logits that predict it."""
    picked = jnp.take_along_axis(logits, tokens[..., None], axis=-1)[..., 0]
    return picked - jax.nn.logsumexp(logits, axis=-1)


def sequence_log_probs(model: Any, batch: dict[str, Array], name: str) -> Float[Array, " batch"]:
    """Log-probability of the responses called `name` in a batch, each as a whole."""
    logits = response_logits(model, batch, name)
    return jnp.sum(log_probs(logits, batch[name]) * batch[f"{name}_mask"], axis=1)
