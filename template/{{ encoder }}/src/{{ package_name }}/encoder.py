"""Transformers in which every position sees all others: yours to change."""

from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from .attention import Keys, Mixer, Queries, attend
from .block_settings import BlockSettings
from .blocks import Block, make_keys, make_step
from .numerics.precision import Precision
from .numerics.shapes import Hidden
from .rotation import Positions, frequencies, rotate


def run_blocks(
    blocks: Block,
    settings: BlockSettings,
    x: Hidden,
    *,
    positions: Positions | None = None,
    key: PRNGKeyArray | None = None,
) -> Hidden:
    """Send the residual stream through all blocks, one after the other.

    Args:
        blocks: What `stack_blocks` made.
        settings: The settings that it was made with.
        x: The residual stream.
        positions: Where its positions stand, for rotary ones; without it, there are none.
        key: Randomness for dropout; without it nothing is dropped.
    """
    layers = (blocks, make_keys(settings, key), None)
    step = make_step(settings, see_all(positions))
    return jax.lax.scan(step, x, layers, unroll=settings.unroll_layers)[0]


def see_all(positions: Positions | None) -> Mixer:
    """Every position sees all others; with positions, queries and keys are rotated by them."""

    def mix(
        query: Queries, key: Keys, value: Keys, precision: Precision, memory: Any
    ) -> tuple[Queries, Any]:
        d_head = query.shape[-1]
        if positions is not None:
            query, key = (rotate(x, positions, frequencies(d_head)) for x in (query, key))
        return attend(query, key, value, precision, scale=d_head**-0.5), memory

    return mix
