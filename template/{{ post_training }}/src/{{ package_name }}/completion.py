"""Greedy completion of prompts: yours to change."""

from typing import Any

import jax.numpy as jnp

from .generation import Sampling, generate
from .post_training.layout import Completion, Prompt, PromptMask


def complete(
    model: Any, prompt: Prompt, prompt_mask: PromptMask, *, max_tokens: int, end: int, pad: int
) -> Completion:
    """The likeliest token after each other, until the completion ends.

    Args:
        model: The model.
        prompt: Token ids, padded on the left.
        prompt_mask: False for padding.
        max_tokens: Tokens in a completion at most, its end included.
        end: The token that ends a completion.
        pad: What stands behind the end.
    """
    greedy = Sampling(max_tokens=max_tokens, temperature=0.0)
    starts = jnp.sum(~prompt_mask, axis=1, dtype=jnp.int32)
    made = generate(model, prompt, None, greedy, starts=starts, end=end)
    ended = jnp.cumsum(made == end, axis=1) - (made == end)
    return jnp.where(ended > 0, pad, made)
