"""A network for rows of a table: yours to change.

A wide and a deep part, whose outputs add up (Cheng et al., 2016). The wide part is linear, so that
the model is at least what a linear model is. The deep part, a residual network (Gorishniy et al.,
2021), adds what a linear model cannot express. Both start out small. Each value of a category has
a learned vector.
"""

from collections.abc import Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray
from pydantic import Field

from .encoding import Encoding
from .numerics.contract import contract, lookup
from .numerics.parameters import declare, parameter
from .numerics.precision import Precision
from .parallel.rules import constrain
from .settings import Settings, Size

Rows = Float[Array, "batch d_model"]

# The first outputs are this much smaller than those of a usual initialisation.
_QUIET = 10


class TableNetworkSettings(Settings):
    """The size of the network.

    Attributes:
        d_model: Width of the residual stream.
        num_layers: Residual blocks.
        d_ff: Width inside a block.
        d_embedding: Width of the vector of a category's value.
        dropout: Share of the inner features dropped in training.
        num_numbers: Columns of numbers; it follows from the data, like all below.
        num_missing: Columns of numbers whose missing values the model is told.
        category_sizes: Values of each category, that for rare and unknown ones included.
        num_outputs: Classes, or 1 for a number.
    """

    d_model: Size = 64
    num_layers: int = Field(default=2, ge=1, le=10_000)
    d_ff: Size = 128
    d_embedding: Size = 8
    dropout: float = Field(default=0.0, ge=0, lt=1)
    num_numbers: int | None = Field(default=None, ge=0)
    num_missing: int | None = Field(default=None, ge=0)
    category_sizes: tuple[Size, ...] | None = None
    num_outputs: Size | None = None

    def fitted(self, info: Mapping[str, Any]) -> "TableNetworkSettings":
        """These settings with the sizes that follow from a data set."""
        encoding = Encoding.of(info)
        return self.model_copy(
            update={
                "num_numbers": len(encoding.numbers),
                "num_missing": len(encoding.with_missing),
                "category_sizes": tuple(len(each.values) + 1 for each in encoding.categories),
                "num_outputs": len(encoding.target.classes) or 1,
            }
        )

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> "TableNetwork":
        """Build the network with freshly initialised parameters."""
        return TableNetwork(self, rngs=rngs, precision=precision)


class Linear(nnx.Module):
    """A matrix product and a bias."""

    def __init__(
        self, sizes: dict[str, int], fan_in: int, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        _, out = sizes
        self.weight = parameter(rngs.params(), sizes, fan_in, precision)
        self.bias = declare(jnp.zeros((sizes[out],), jnp.float32), (out,), precision)
        self.precision = precision

    def __call__(self, x: Float[Array, "batch d_in"]) -> Float[Array, "batch d_out"]:
        """Transform every row; the result is float32, for the caller to round or not."""
        chex.assert_shape(x, (None, self.weight.shape[0]))
        product = contract("bi,io->bo", x, self.weight[...], self.precision, accumulator=True)
        return product + self.bias[...].astype(jnp.float32)[None, :]


class RMSNorm(nnx.Module):
    """Root-mean-square norm (Zhang and Sennrich, 2019) with a learned scale, in float32."""

    def __init__(self, d_model: int, *, precision: Precision) -> None:
        self.scale = declare(jnp.ones((d_model,), jnp.float32), ("d_model",), precision)

    def __call__(self, x: Rows) -> Rows:
        """Norm the features of every row."""
        wide = x.astype(jnp.float32)
        mean_square = jnp.mean(jnp.square(wide), axis=-1, keepdims=True)
        normed = wide * jax.lax.rsqrt(mean_square + 1e-6)
        return (normed * self.scale[...].astype(jnp.float32)[None, :]).astype(x.dtype)


class Block(nnx.Module):
    """A feed-forward layer on the normed stream, added to it."""

    def __init__(
        self, settings: TableNetworkSettings, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        width, inner = settings.d_model, settings.d_ff
        into, back = {"d_model": width, "d_ff": inner}, {"d_ff": inner, "d_model": width}
        self.norm = RMSNorm(width, precision=precision)
        self.up = Linear(into, width, rngs=rngs, precision=precision)
        self.down = Linear(back, inner * settings.num_layers, rngs=rngs, precision=precision)
        self.dropout = settings.dropout

    def __call__(self, x: Rows, key: PRNGKeyArray | None) -> Rows:
        """One block; without a key nothing is dropped."""
        inner = jax.nn.silu(self.up(self.norm(x)).astype(x.dtype))
        inner = constrain(drop(inner, self.dropout, key), "batch", "d_ff")
        return constrain(x + self.down(inner).astype(x.dtype), "batch", "d_model")


class Embedding(nnx.Module):
    """A vector for each value of each category, all in one table."""

    def __init__(
        self, sizes: tuple[int, ...], width: int, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        self.begins = tuple(sum(sizes[:at]) for at in range(len(sizes)))
        table = jax.random.normal(rngs.params(), (sum(sizes), width), jnp.float32) * width**-0.5
        # The vector of values that are unknown stays zero if training never meets one.
        table = table.at[jnp.array(self.begins)].set(0.0)
        self.table = declare(table, ("num_values", "d_embedding"), precision)

    def __call__(
        self, categories: Int[Array, "batch num_categories"]
    ) -> Float[Array, "batch d_in"]:
        """The vectors of every row, one behind the other."""
        rows = categories + jnp.array(self.begins, categories.dtype)[None, :]
        vectors = lookup(self.table[...], rows)
        return vectors.reshape(vectors.shape[0], vectors.shape[1] * vectors.shape[2])


class TableNetwork(nnx.Module):
    """Predicts the target of a row: logits of classes, or a standardised number."""

    def __init__(
        self, settings: TableNetworkSettings, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        sizes, outputs = settings.category_sizes, settings.num_outputs
        if sizes is None or outputs is None:
            raise ValueError("the sizes follow from the data: use settings.fitted(info)")
        make = {"rngs": rngs, "precision": precision}
        width = (settings.num_numbers or 0) + (settings.num_missing or 0)
        width += len(sizes) * settings.d_embedding
        self.settings, self.precision = settings, precision
        if sizes:
            self.embedding = Embedding(sizes, settings.d_embedding, **make)
        self.wide = Linear({"d_in": width, "num_classes": outputs}, width * _QUIET**2, **make)
        self.stem = Linear({"d_in": width, "d_model": settings.d_model}, width, **make)
        self.blocks = nnx.List([Block(settings, **make) for _ in range(settings.num_layers)])
        self.norm = RMSNorm(settings.d_model, precision=precision)
        head = {"d_model": settings.d_model, "num_classes": outputs}
        self.head = Linear(head, settings.d_model * _QUIET**2, **make)

    def __call__(
        self,
        numbers: Float[Array, "batch num_numbers"],
        missing: Float[Array, "batch num_missing"],
        categories: Int[Array, "batch num_categories"],
        *,
        key: PRNGKeyArray | None = None,
    ) -> Float[Array, "batch num_classes"]:
        """Predict the targets of rows.

        Args:
            numbers: Standardised numbers, 0 where one is missing.
            missing: 1 where a number is missing, otherwise 0.
            categories: Places of values, 0 for rare and unknown ones.
            key: Randomness for dropout; without it nothing is dropped.

        Returns:
            Float32 logits, or one number.
        """
        features = [numbers, missing]
        if self.settings.category_sizes:
            features.append(self.embedding(categories))
        x = jnp.concatenate([each.astype(self.precision.compute_dtype) for each in features], -1)
        x = constrain(x, "batch", "d_in")
        keys = [None] * (len(self.blocks) + 1)
        if self.settings.dropout > 0 and key is not None:
            keys = list(jax.random.split(key, len(keys)))
        deep = constrain(self.stem(x).astype(x.dtype), "batch", "d_model")
        for block, block_key in zip(self.blocks, keys[:-1], strict=True):
            deep = block(deep, block_key)
        deep = drop(self.norm(deep), self.settings.dropout, keys[-1])
        return constrain(self.wide(x) + self.head(deep), "batch", "num_classes")


def drop(x: Rows, rate: float, key: PRNGKeyArray | None) -> Rows:
    """Dropout (Srivastava et al., 2014); without a key, `x` itself."""
    if key is None:
        return x
    kept = jax.random.bernoulli(key, 1.0 - rate, x.shape)
    return jnp.where(kept, x / (1.0 - rate), 0.0).astype(x.dtype)
