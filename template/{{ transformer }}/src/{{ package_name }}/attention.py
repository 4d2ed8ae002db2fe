"""Attention (Vaswani et al., 2017): yours to change."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from .block_settings import BlockSettings, Layer, Scoring
from .kernels import choose
from .layers import RMSNorm, Weight, make_bias, project, softcap
from .masks import Documents, Mask, within
from .numerics.contract import contract
from .numerics.parameters import parameter
from .numerics.precision import Precision
from .numerics.shapes import Hidden
from .parallel.rules import constrain
from .rotary import Heads, Positions, rotate

Queries = Float[Array, "batch num_heads query_len d_head"]
Keys = Float[Array, "batch num_kv_heads key_len d_head"]
MASKED = -1e30  # finite, so that a row with nothing to attend to is not NaN


class Cache(NamedTuple):
    """Keys and values of the positions seen so far, stacked over layers.

    Attributes:
        keys: Room for `key_len` positions.
        values: Likewise.
        length: How many positions are filled: the same number for every sequence and layer.
    """

    keys: Float[Array, "num_layers batch num_kv_heads key_len d_head"]
    values: Float[Array, "num_layers batch num_kv_heads key_len d_head"]
    length: Int[Array, " num_layers"]


class Attention(nnx.Module):
    """Attention whose heads may share keys and values, with rotary positions if it is told any."""

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
        self.settings = settings
        self.precision = precision

    def __call__(
        self,
        x: Hidden,
        mask: Mask | None,
        positions: Positions | None,
        cache: Cache | None,
        layer: Layer,
    ) -> tuple[Hidden, Cache | None]:
        """Attend from every position of `x`.

        Args:
            x: The residual stream.
            mask: Which positions each of them sees; without it, all.
            positions: Where they stand, for the rotation; without it, nothing is rotated.
            cache: What one layer holds of earlier positions, to which these are added.
            layer: What this layer does otherwise than others.
        """
        chex.assert_shape(x, (None, None, self.query.shape[0]))
        query = self._heads(x, self.query, self.query_bias, self.query_norm, "num_heads")
        key = self._heads(x, self.key, self.key_bias, self.key_norm, "num_kv_heads")
        value = self._heads(x, self.value, self.value_bias, None, "num_kv_heads")
        if positions is not None and layer.rotated:
            rotary, local = self.settings.rotary, layer.window is not None
            query, key = (rotate(each, positions, rotary, local=local) for each in (query, key))
        first = 0 if cache is None else cache.length
        if cache is not None:
            start = (0, 0, cache.length, 0)
            key = jax.lax.dynamic_update_slice(cache.keys, key, start)
            value = jax.lax.dynamic_update_slice(cache.values, value, start)
            cache = Cache(key, value, cache.length + x.shape[1])
        scoring, kernel = self.settings.scoring(layer), None
        documents = mask if isinstance(mask, Documents) else None
        if cache is None and (mask is None or documents):
            kernel = choose(self.settings, self.precision, *x.shape[:2])
        if kernel is not None:
            mixed = kernel(query, key, value, documents, scoring)
        else:
            mask = mask.mask() if isinstance(mask, Documents) else mask
            mixed = mix(query, key, value, mask, scoring, self.precision, first)
        mixed = mixed.swapaxes(1, 2)
        return project("bihk,hkd->bid", mixed, self.out, self.out_bias, self.precision), cache

    def _heads(
        self, x: Hidden, weight: Weight, bias: Weight | None, norm: RMSNorm | None, name: str
    ) -> Heads:
        heads = project("bsd,dhk->bshk", x, weight, bias, self.precision)
        heads = heads if norm is None else norm(heads)
        return constrain(heads, "batch", "seq_len", name, "d_head").swapaxes(1, 2)


def mix(
    query: Queries,
    key: Keys,
    value: Keys,
    mask: Bool[Array, "_ 1 query_len key_len"] | None,
    scoring: Scoring,
    precision: Precision,
    first: int | Int[Array, ""] = 0,
) -> Queries:
    """Means of the values that each position sees, weighted by how queries and keys agree.

    Args:
        query: Queries.
        key: Keys, each of which several heads of queries may share.
        value: Values, likewise.
        mask: Which positions each of them sees; without it, all.
        scoring: How they become weights.
        precision: The policy.
        first: Where among the keys the first query stands.
    """
    chex.assert_rank([query, key, value], 4)
    (batch, num_heads, query_len, d_head), key_len = query.shape, key.shape[2]
    if scoring.window is not None:
        near = within(scoring.window, first, query_len, key_len)
        mask = near if mask is None else mask & near
    # Heads that share keys and values are more positions of one head.
    shared = (batch, key.shape[1], num_heads // key.shape[1] * query_len)
    query = query.reshape(*shared, d_head)
    scores = contract("bhik,bhjk->bhij", query, key, precision, accumulator=True) * scoring.scale
    if scoring.softcap is not None:
        scores = softcap(scores, scoring.softcap)
    scores = scores.reshape(batch, num_heads, query_len, key_len)
    if mask is not None:
        scores = jnp.where(mask, scores, MASKED)
    weights = jax.nn.softmax(scores, axis=-1).reshape(*shared, key_len)
    mixed = contract("bhij,bhjk->bhik", weights, value, precision)
    return mixed.reshape(batch, num_heads, query_len, d_head)
