"""The layers of a transformer beside attention: yours to change."""

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray

from .block_settings import BlockSettings
from .numerics.contract import contract
from .numerics.parameters import declare, parameter
from .numerics.precision import Precision
from .numerics.shapes import Hidden
from .parallel.rules import constrain

Features = Float[Array, "batch seq_len *num_heads d_in"]
Weight = nnx.Variable  # trained or frozen


class RMSNorm(nnx.Module):
    """Root-mean-square norm (Zhang and Sennrich, 2019) with a learned scale, in float32.

    Args:
        sizes: How many features it norms, by their name.
        settings: What is added to the mean square, and how it scales.
        precision: The policy.
    """

    def __init__(
        self, sizes: dict[str, int], settings: BlockSettings, *, precision: Precision
    ) -> None:
        start = jnp.zeros if settings.norm_offset else jnp.ones
        self.scale = declare(start((*sizes.values(),), jnp.float32), (*sizes,), precision)
        self.epsilon = settings.norm_epsilon
        self.offset = settings.norm_offset

    def __call__(self, x: Features) -> Features:
        """Norm the features of every position, or of every head."""
        wide = x.astype(jnp.float32)
        mean_square = jnp.mean(jnp.square(wide), axis=-1, keepdims=True)
        normed = wide * jax.lax.rsqrt(mean_square + self.epsilon)
        scale = self.scale[...].astype(jnp.float32)
        if self.offset:
            scale = 1.0 + scale
        return (normed * jnp.expand_dims(scale, range(x.ndim - 1))).astype(x.dtype)


def make_bias(sizes: dict[str, int], wanted: bool, precision: Precision) -> nnx.Param | None:
    """A bias of zeros, if one is wanted."""
    if not wanted:
        return None
    return declare(jnp.zeros((*sizes.values(),), jnp.float32), (*sizes,), precision)


def project(
    spec: str, x: Features, weight: Weight, bias: Weight | None, precision: Precision
) -> Float[Array, "batch seq_len ..."]:
    """The product of `contract`, and a bias that is added before it is rounded."""
    if bias is None:
        return contract(spec, x, weight[...], precision)
    product = contract(spec, x, weight[...], precision, accumulator=True)
    # In float32, since the gradient of a bias is summed over all positions.
    wide = product + bias[...].astype(jnp.float32)[None, None]
    return wide.astype(precision.compute_dtype)


class FeedForward(nnx.Module):
    """Gated linear unit (Shazeer, 2020)."""

    def __init__(self, settings: BlockSettings, *, rngs: nnx.Rngs, precision: Precision) -> None:
        width, inner = settings.d_model, settings.d_ff
        into = {"d_model": width, "d_ff": inner}
        self.gate = parameter(rngs.params(), into, width, precision)
        self.up = parameter(rngs.params(), into, width, precision)
        back = {"d_ff": inner, "d_model": width}
        self.down = parameter(rngs.params(), back, inner * 2 * settings.num_layers, precision)
        wanted = settings.feed_forward_bias
        self.gate_bias = make_bias({"d_ff": inner}, wanted, precision)
        self.up_bias = make_bias({"d_ff": inner}, wanted, precision)
        self.down_bias = make_bias({"d_model": width}, wanted, precision)
        self.activation = settings.activation
        self.precision = precision

    def __call__(self, x: Hidden) -> Hidden:
        """Transform every position's features."""
        chex.assert_shape(x, (None, None, self.gate.shape[0]))
        gate = project("bsd,df->bsf", x, self.gate, self.gate_bias, self.precision)
        up = project("bsd,df->bsf", x, self.up, self.up_bias, self.precision)
        gate = jax.nn.silu(gate) if self.activation == "silu" else jax.nn.gelu(gate)
        inner = constrain(gate * up, "batch", "seq_len", "d_ff")
        return project("bsf,fd->bsd", inner, self.down, self.down_bias, self.precision)


def drop(x: Hidden, rate: float, key: PRNGKeyArray | None) -> Hidden:
    """Dropout (Srivastava et al., 2014); without a key, `x` itself."""
    if key is None:
        return x
    kept = jax.random.bernoulli(key, 1.0 - rate, x.shape)
    return jnp.where(kept, x / (1.0 - rate), 0.0).astype(x.dtype)
