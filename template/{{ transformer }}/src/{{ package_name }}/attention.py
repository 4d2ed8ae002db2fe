"""Attention (Vaswani et al., 2017): yours to change."""

from collections.abc import Callable
from typing import Any

import chex
import jax
from flax import nnx
from jaxtyping import Array, Float

from .block_settings import BlockSettings
from .layers import RMSNorm, Weight, make_bias, project
from .numerics.contract import contract
from .numerics.parameters import parameter
from .numerics.precision import Precision
from .numerics.shapes import Hidden
from .parallel.rules import constrain

Heads = Float[Array, "batch num_heads seq_len d_head"]
Queries = Float[Array, "batch num_heads query_len d_head"]
Keys = Float[Array, "batch num_kv_heads key_len d_head"]
Scores = Float[Array, "batch num_heads query_len key_len"]
Mixer = Callable[[Queries, Keys, Keys, Precision, Any], tuple[Queries, Any]]
"""Makes of queries, keys and values what each position takes from those that it sees.

It is told, and tells, what a layer remembers from one call to the next, if anything.
"""


class Attention(nnx.Module):
    """Attention whose heads may share keys and values."""

    def __init__(self, settings: BlockSettings, *, rngs: nnx.Rngs, precision: Precision) -> None:
        width, d_head = settings.d_model, settings.head_width
        heads = {"num_heads": settings.num_heads, "d_head": d_head}
        shared = {"num_kv_heads": settings.kv_heads, "d_head": d_head}
        into = {"d_model": width}
        self.query = parameter(rngs.params(), into | heads, width, precision)
        self.key = parameter(rngs.params(), into | shared, width, precision)
        self.value = parameter(rngs.params(), into | shared, width, precision)
        # The output is drawn smaller, so that a sum over all branches keeps its variance.
        fan_in = settings.num_heads * d_head * 2 * settings.num_layers
        self.out = parameter(rngs.params(), heads | into, fan_in, precision)
        biased = settings.attention_bias
        self.query_bias = make_bias(heads, biased != "none", precision)
        self.key_bias = make_bias(shared, biased != "none", precision)
        self.value_bias = make_bias(shared, biased != "none", precision)
        self.out_bias = make_bias(into, biased == "all", precision)
        normed, size = settings.query_key_norm, {"d_head": d_head}
        self.query_norm = RMSNorm(size, settings, precision=precision) if normed else None
        self.key_norm = RMSNorm(size, settings, precision=precision) if normed else None
        self.precision = precision

    def __call__(self, x: Hidden, mix: Mixer, memory: Any) -> tuple[Hidden, Any]:
        """Attend from every position of `x`; what is remembered goes to `mix` and comes from it."""
        chex.assert_shape(x, (None, None, self.query.shape[0]))
        query = self._heads(x, self.query, self.query_bias, self.query_norm, "num_heads")
        key = self._heads(x, self.key, self.key_bias, self.key_norm, "num_kv_heads")
        value = self._heads(x, self.value, self.value_bias, None, "num_kv_heads")
        mixed, memory = mix(query, key, value, self.precision, memory)
        mixed = mixed.swapaxes(1, 2)
        return project("bihk,hkd->bid", mixed, self.out, self.out_bias, self.precision), memory

    def _heads(
        self, x: Hidden, weight: Weight, bias: Weight | None, norm: RMSNorm | None, name: str
    ) -> Heads:
        heads = project("bsd,dhk->bshk", x, weight, bias, self.precision)
        heads = heads if norm is None else norm(heads)
        return constrain(heads, "batch", "seq_len", name, "d_head").swapaxes(1, 2)


def attend(
    query: Queries,
    key: Keys,
    value: Keys,
    precision: Precision,
    *,
    scale: float,
    adjust: Callable[[Scores], Scores] = lambda scores: scores,
) -> Queries:
    """Means of values, weighted by how queries and keys agree.

    Args:
        query: Queries.
        key: Keys, each of which several heads of queries may share.
        value: Values, likewise.
        precision: The policy.
        scale: What scores are multiplied by.
        adjust: What else is done to them.
    """
    chex.assert_rank([query, key, value], 4)
    (batch, num_heads, query_len, d_head), key_len = query.shape, key.shape[2]
    # Heads that share keys and values are more positions of one head.
    shared = (batch, key.shape[1], num_heads // key.shape[1] * query_len)
    query = query.reshape(*shared, d_head)
    scores = contract("bhik,bhjk->bhij", query, key, precision, accumulator=True) * scale
    scores = adjust(scores.reshape(batch, num_heads, query_len, key_len))
    weights = jax.nn.softmax(scores, axis=-1).reshape(*shared, key_len)
    mixed = contract("bhij,bhjk->bhik", weights, value, precision)
    return mixed.reshape(batch, num_heads, query_len, d_head)
