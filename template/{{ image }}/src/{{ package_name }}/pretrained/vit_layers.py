"""The layers of a published vision transformer beside attention."""

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from ..numerics.contract import contract
from ..numerics.parameters import declare, parameter
from ..numerics.precision import Precision
from ..numerics.shapes import Hidden


class LayerNorm(nnx.Module):
    """Layer norm (Ba et al., 2016) in float32."""

    def __init__(self, width: int, epsilon: float, *, precision: Precision) -> None:
        self.scale = declare(jnp.ones((width,), jnp.float32), ("d_model",), precision)
        self.bias = declare(jnp.zeros((width,), jnp.float32), ("d_model",), precision)
        self.epsilon = epsilon

    def __call__(self, x: Float[Array, "batch *seq_len d_model"]) -> Float[Array, "..."]:
        """Norm the features of every position."""
        wide = x.astype(jnp.float32)
        shifted = wide - jnp.mean(wide, axis=-1, keepdims=True)
        variance = jnp.mean(jnp.square(shifted), axis=-1, keepdims=True)
        normed = shifted * jax.lax.rsqrt(variance + self.epsilon)
        scale, bias = (each[...].astype(jnp.float32) for each in (self.scale, self.bias))
        leading = range(x.ndim - 1)
        return (normed * jnp.expand_dims(scale, leading) + jnp.expand_dims(bias, leading)).astype(
            x.dtype
        )


class Scale(nnx.Module):
    """A factor of each feature, small at first."""

    def __init__(self, width: int, *, precision: Precision) -> None:
        self.scale = declare(jnp.full((width,), 1e-5, jnp.float32), ("d_model",), precision)

    def __call__(self, x: Hidden) -> Hidden:
        """Scale the features of every position."""
        return x * self.scale[...].astype(x.dtype)[None, None]


class Dense(nnx.Module):
    """A product with a weight, and a bias."""

    def __init__(
        self, sizes: dict[str, int], fan_in: int, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        self.weight = parameter(rngs.params(), sizes, fan_in, precision)
        name, width = list(sizes.items())[-1]
        self.bias = declare(jnp.zeros((width,), jnp.float32), (name,), precision)
        self.precision = precision

    def __call__(
        self, x: Float[Array, "batch seq_len d_in"]
    ) -> Float[Array, "batch seq_len d_out"]:
        """Transform every position's features."""
        chex.assert_shape(x, (None, None, self.weight.shape[0]))
        return dense("bsi,io->bso", x, self.weight, self.bias, self.precision)


def dense(
    spec: str,
    x: Float[Array, "..."],
    weight: nnx.Variable,
    bias: nnx.Variable,
    precision: Precision,
) -> Float[Array, "batch seq_len d_out"]:
    """The product of `contract`, and a bias that is added before it is rounded."""
    product = contract(spec, x, weight[...], precision, accumulator=True)
    wide = product + bias[...].astype(jnp.float32)[None, None]
    return wide.astype(precision.compute_dtype)
