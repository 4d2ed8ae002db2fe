"""A small convolutional model over images of shape (batch, height, width, channels)."""

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, Int, PRNGKeyArray

DIMENSION_NUMBERS = ("NHWC", "HWIO", "NHWC")


class Stem(nnx.Module):
    """Patches of an image as vectors."""

    def __init__(self, channels: int, d_model: int, *, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(
            channels,
            d_model,
            kernel_size=(4, 4),
            strides=(4, 4),
            dtype=jnp.bfloat16,
            param_dtype=jnp.float32,
            rngs=rngs,
        )
        self.norm = nnx.LayerNorm(d_model, param_dtype=jnp.float32, rngs=rngs)
        self.channels = channels

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch h w d_model"]:
        chex.assert_shape(images, (None, None, None, self.channels))
        x = self.conv(images)
        x = self.norm(x)
        return jax.nn.gelu(x)


class Mixer(nnx.Module):
    """Mixes channels at every place."""

    def __init__(self, d_model: int, d_ff: int, *, rngs: nnx.Rngs) -> None:
        self.up = nnx.Linear(d_model, d_ff, param_dtype=jnp.float32, rngs=rngs)
        self.down = nnx.Linear(d_ff, d_model, param_dtype=jnp.float32, rngs=rngs)
        self.scale = nnx.Param(jnp.ones((d_model,), jnp.float32))
        self.d_model = d_model

    def __call__(self, x: Float[Array, "batch h w d_model"]) -> Float[Array, "batch h w d_model"]:
        chex.assert_shape(x, (None, None, None, self.d_model))
        inner = jax.nn.silu(self.up(x))
        branch = self.down(inner)
        return x + branch * self.scale[...]


class Classifier(nnx.Module):
    """Logits of an image's class."""

    def __init__(self, channels: int, d_model: int, num_classes: int, *, rngs: nnx.Rngs) -> None:
        self.stem = Stem(channels, d_model, rngs=rngs)
        self.mixer = Mixer(d_model, 2 * d_model, rngs=rngs)
        self.head = nnx.Linear(d_model, num_classes, param_dtype=jnp.float32, rngs=rngs)
        self.bias = nnx.Param(0.01 * jax.random.normal(rngs.params(), (num_classes,), jnp.float32))
        self.num_classes = num_classes

    def __call__(
        self, images: Float[Array, "batch height width channels"]
    ) -> Float[Array, "batch num_classes"]:
        chex.assert_rank(images, 4)
        x = self.mixer(self.stem(images))
        pooled = jnp.mean(x.astype(jnp.float32), axis=(1, 2))
        logits = self.head(pooled) + self.bias[...]
        chex.assert_shape(logits, (images.shape[0], self.num_classes))
        return logits


class Projection(nnx.Module):
    """A linear map whose weights are spelled out."""

    def __init__(self, d_in: int, d_out: int, *, rngs: nnx.Rngs) -> None:
        weight = jax.random.normal(rngs.params(), (d_in, d_out), jnp.float32)
        self.weight = nnx.Param(weight * d_in**-0.5)
        self.bias = nnx.Param(jnp.zeros((d_out,), dtype=jnp.float32))
        self.d_in = d_in

    def __call__(self, x: Float[Array, "batch h w d_in"]) -> Float[Array, "batch h w d_out"]:
        chex.assert_shape(x, (None, None, None, self.d_in))
        weight = self.weight[...].astype(jnp.bfloat16)
        narrow, wide = x.astype(jnp.bfloat16), jnp.float32
        product = jnp.einsum("bhwi,io->bhwo", narrow, weight, preferred_element_type=wide)
        return product.astype(x.dtype) + self.bias[...]


class Tagger(nnx.Module):
    """Logits of every token's class."""

    def __init__(
        self,
        vocab_size: int,
        d_model: int,
        num_heads: int,
        num_classes: int,
        *,
        rngs: nnx.Rngs,
        param_dtype: jnp.dtype = jnp.float32,
    ) -> None:
        self.embed = nnx.Embed(vocab_size, d_model, param_dtype=param_dtype, rngs=rngs)
        self.mix = nnx.MultiHeadAttention(
            num_heads=num_heads,
            in_features=d_model,
            decode=False,
            dtype=jnp.bfloat16,
            param_dtype=jnp.float32,
            rngs=rngs,
        )
        self.norm = nnx.RMSNorm(d_model, param_dtype=jnp.float32, rngs=rngs)
        self.start = nnx.Param(jax.random.normal(rngs.params(), (d_model,), dtype=jnp.float32))
        self.head = nnx.LinearGeneral(d_model, num_classes, param_dtype=jnp.float32, rngs=rngs)

    def __call__(
        self, tokens: Int[Array, "batch seq_len"]
    ) -> Float[Array, "batch seq_len num_classes"]:
        chex.assert_rank(tokens, 2)
        x = self.embed(tokens) + self.start[...]
        x = self.norm(x + self.mix(x))
        return self.head(x)


def blur(
    images: Float[Array, "batch height width channels"], kernel: Float[Array, "kh kw c_in c_out"]
) -> Float[Array, "batch height width channels"]:
    chex.assert_rank([images, kernel], [4, 4])
    return jax.lax.conv_general_dilated(
        images,
        kernel,
        window_strides=(1, 1),
        padding="SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def shrink(
    images: Float[Array, "batch height width channels"], kernel: Float[Array, "kh kw c_in c_out"]
) -> Float[Array, "batch h w channels"]:
    chex.assert_rank([images, kernel], [4, 4])
    return jax.lax.conv_general_dilated(
        images, kernel, (2, 2), "VALID", dimension_numbers=DIMENSION_NUMBERS
    )


def patches(
    images: Float[Array, "batch height width channels"], size: int
) -> Float[Array, "batch patches d_model"]:
    chex.assert_rank(images, 4)
    batch, height, width, channels = images.shape
    rows, columns = height // size, width // size
    x = images.reshape(batch, rows, size, columns, size, channels)
    return x.swapaxes(2, 3).reshape(batch, rows * columns, size * size * channels)


def standardise(
    images: Float[Array, "batch height width channels"],
    mean: Float[Array, "channels"],
    scale: Float[Array, "channels"],
) -> Float[Array, "batch height width channels"]:
    return (images - mean) * scale


def initial_kernel(
    key: PRNGKeyArray, size: int, c_in: int, c_out: int
) -> Float[Array, "kh kw c_in c_out"]:
    shape = (size, size, c_in, c_out)
    return jax.random.normal(key, shape, jnp.float32) * (size * size * c_in) ** -0.5
