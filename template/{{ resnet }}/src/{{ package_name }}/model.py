"""A residual network for images: yours to change.

Pre-activation residual blocks of two 3x3 convolutions (He et al., 2016), in stages that halve the
resolution (He et al., 2015), behind a stem without pooling, which suits small images.
"""

from typing import Annotated

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import Field, model_validator

from .fitting import FitsImages
from .normalisation import NORMS, NormName
from .numerics.contract import contract
from .numerics.convolution import convolve
from .numerics.parameters import declare, parameter
from .numerics.precision import Precision
from .parallel.rules import constrain
from .settings import Size

Features = Float[Array, "batch height width channels"]


class ResNetSettings(FitsImages):
    """The size of a residual network, and how it is computed.

    Attributes:
        widths: Channels in each stage.
        depths: Blocks in each stage.
        stem_stride: Pixels from one position of the first convolution to the next: 1 for images of
            up to about 64 pixels, 2 or 4 for larger ones. Its kernel grows with it.
        norm: ``batch`` or ``group``; the latter for batches of few examples to a device.
        dropout: Share of the pooled features dropped in training.
    """

    widths: tuple[Size, ...] = (64, 128, 256, 512)
    depths: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = (2, 2, 2, 2)
    stem_stride: Size = 1
    norm: NormName = "batch"
    dropout: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _stages(self) -> "ResNetSettings":
        if not self.widths or len(self.widths) != len(self.depths):
            raise ValueError(
                f"depths: {len(self.depths)} stages do not fit the {len(self.widths)} of widths"
            )
        return self

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """Patterns of the parameters of the stem and of each block, for `pretrained/presets.py`."""
        return (("stem",), *((f"blocks.{number}.*",) for number in range(sum(self.depths))))

    @property
    def above(self) -> tuple[str, ...]:
        """Those between blocks and head."""
        return ("norm.*",)

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> "ResNet":
        """Build the network with freshly initialised parameters."""
        return ResNet(self, rngs=rngs, precision=precision)


class Block(nnx.Module):
    """Two convolutions, each behind a norm and a ReLU, added to the residual stream."""

    def __init__(
        self,
        settings: ResNetSettings,
        c_in: int,
        width: int,
        stride: int,
        *,
        rngs: nnx.Rngs,
        precision: Precision,
    ) -> None:
        norm, square = NORMS[settings.norm], {"kh": 3, "kw": 3}
        self.norm_in = norm(c_in, precision=precision)
        sizes = {**square, "d_model": c_in, "d_ff": width}
        # Half of what a ReLU passes on is zero, hence half the inputs (He et al., 2015).
        self.conv_in = parameter(rngs.params(), sizes, 9 * c_in // 2, precision)
        self.norm_out = norm(width, precision=precision)
        # Drawn smaller, so that the sum over all blocks keeps its variance.
        sizes = {**square, "d_ff": width, "d_model": width}
        fan_in = 9 * width // 2 * sum(settings.depths)
        self.conv_out = parameter(rngs.params(), sizes, fan_in, precision)
        sizes = {"c_in": c_in, "d_model": width}
        same = stride == 1 and c_in == width
        self.shortcut = None if same else parameter(rngs.params(), sizes, c_in, precision)
        self.stride = stride
        self.precision = precision

    def __call__(self, x: Features) -> Float[Array, "batch _ _ d_model"]:
        """One block; height and width are divided by its stride."""
        chex.assert_shape(x, (None, None, None, self.conv_in.shape[2]))
        inner, stride = jax.nn.relu(self.norm_in(x).astype(x.dtype)), self.stride
        if self.shortcut is not None:
            seen = inner[:, ::stride, ::stride]
            x = contract("bhwi,io->bhwo", seen, self.shortcut[...], self.precision)
        inner = convolve(inner, self.conv_in[...], self.precision, stride=stride)
        inner = constrain(inner, "batch", "height", "width", "d_ff")
        inner = jax.nn.relu(self.norm_out(inner).astype(inner.dtype))
        branch = convolve(inner, self.conv_out[...], self.precision)
        return constrain(x + branch, "batch", "height", "width", "d_model")


class ResNet(nnx.Module):
    """Tells which class an image belongs to."""

    def __init__(self, settings: ResNetSettings, *, rngs: nnx.Rngs, precision: Precision) -> None:
        (_, _, channels), num_classes = settings.known_sizes()
        self.settings = settings
        self.precision = precision
        size = 2 * settings.stem_stride + 1
        stem = {"kh": size, "kw": size, "channels": channels, "d_model": settings.widths[0]}
        self.stem = parameter(rngs.params(), stem, size * size * channels, precision)
        blocks, c_in = [], settings.widths[0]
        for stage, (width, depth) in enumerate(zip(settings.widths, settings.depths, strict=True)):
            for number in range(depth):
                stride = 2 if stage and not number else 1
                block = Block(settings, c_in, width, stride, rngs=rngs, precision=precision)
                blocks.append(block)
                c_in = width
        self.blocks = nnx.List(blocks)
        self.norm = NORMS[settings.norm](c_in, precision=precision)
        head = {"d_model": c_in, "num_classes": num_classes}
        self.head = parameter(rngs.params(), head, c_in, precision)
        self.bias = declare(jnp.zeros((num_classes,), jnp.float32), ("num_classes",), precision)

    def __call__(
        self, images: Features, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "batch num_classes"]:
        """Float32 logits of the classes.

        Args:
            images: Normalised pixels.
            key: Randomness for dropout; without it nothing is dropped.
        """
        chex.assert_shape(images, (None, None, None, self.stem.shape[2]))
        x = convolve(images, self.stem[...], self.precision, stride=self.settings.stem_stride)
        x = constrain(x, "batch", "height", "width", "d_model")
        for block in self.blocks:
            x = block(x)
        # Wide before the norm: on CPU, jax 0.12 can miscompile a mean over a ReLU in bfloat16.
        x = jnp.mean(jax.nn.relu(self.norm(x.astype(jnp.float32))), (1, 2))
        rate = self.settings.dropout
        if rate > 0 and key is not None:
            x = jnp.where(jax.random.bernoulli(key, 1.0 - rate, x.shape), x / (1.0 - rate), 0.0)
        logits = contract("bd,dc->bc", x, self.head[...], self.precision, accumulator=True)
        return logits + self.bias[...].astype(jnp.float32)[None, :]
