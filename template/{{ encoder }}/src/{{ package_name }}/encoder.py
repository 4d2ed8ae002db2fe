"""Transformers in which every position sees all others: yours to change."""

from collections.abc import Callable
from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from .attention import Heads, Keys, Mixer, Queries, attend
from .block_settings import BlockSettings
from .blocks import Block, make_keys, make_step
from .numerics.precision import Precision
from .numerics.shapes import Hidden

Rotate = Callable[[Heads], Heads]


def run_blocks(
    blocks: Block,
    settings: BlockSettings,
    x: Hidden,
    *,
    rotate: Rotate | None = None,
    key: PRNGKeyArray | None = None,
) -> Hidden:
    """Send the residual stream through all blocks, one after the other.

    Args:
        blocks: What `stack_blocks` made.
        settings: The settings that it was made with.
        x: The residual stream.
        rotate: Rotates queries and keys by their positions; without it, nothing does.
        key: Randomness for dropout; without it nothing is dropped.
    """
    layers = (blocks, make_keys(settings, key), None)
    step = make_step(settings, see_all(rotate))
    return jax.lax.scan(step, x, layers, unroll=settings.unroll_layers)[0]


def see_all(rotate: Rotate | None) -> Mixer:
    """Every position sees all others."""

    def mix(
        query: Queries, key: Keys, value: Keys, precision: Precision, memory: Any
    ) -> tuple[Queries, Any]:
        if rotate is not None:
            query, key = rotate(query), rotate(key)
        return attend(query, key, value, precision, scale=query.shape[-1] ** -0.5), memory

    return mix
