"""The residual network as it is published by timm and torchvision (He et al., 2015).

A stem of stride 4, then stages of blocks, each of which norms after its convolutions and ends with
a ReLU. In a bottleneck the stride lies on the convolution of 3 by 3.
"""

from typing import Annotated, Any

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, PRNGKeyArray
from pydantic import Field

from ..numerics.convolution import convolve
from ..numerics.parameters import declare, parameter
from ..numerics.precision import Precision
from ..parallel.rules import constrain
from ..settings import Size
from .image_settings import Images, PublishedImageSettings, classify

Features = Float[Array, "batch height width channels"]


class PublishedResNetSettings(PublishedImageSettings):
    """A published residual network, and how it is computed.

    Attributes:
        depths: Blocks in each stage.
        stem: Channels behind the first convolution.
        inner: Channels inside the blocks of each stage.
        widths: Channels between the blocks of each stage.
        bottleneck: Blocks of three convolutions rather than two.
    """

    depths: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = (2, 2, 2, 2)
    stem: Size = 64
    inner: tuple[Size, ...] = (64, 128, 256, 512)
    widths: tuple[Size, ...] = (64, 128, 256, 512)
    bottleneck: bool = False

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """The stem, and each block."""
        return (("stem.*",), *((f"blocks.{number}.*",) for number in range(sum(self.depths))))

    @property
    def above(self) -> tuple[str, ...]:
        """Nothing lies between blocks and head."""
        return ()

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> "PublishedResNet":
        """Build the network with freshly initialised parameters."""
        return PublishedResNet(self, rngs=rngs, precision=precision)


class BatchNorm(nnx.BatchNorm):
    """Batch norm in float32. Where its scale is frozen, its statistics are, too."""

    def __init__(self, channels: int, *, precision: Precision) -> None:
        named = {"out_sharding": ("channels",), "eager_sharding": False}
        options: dict[str, Any] = {"param_dtype": precision.param_dtype, "dtype": jnp.float32}
        options |= {"scale_metadata": named, "bias_metadata": named, "use_fast_variance": False}
        # Nothing is drawn.
        super().__init__(channels, momentum=0.9, epsilon=1e-5, rngs=nnx.Rngs(0), **options)

    def __call__(
        self,
        x: Features,
        use_running_average: bool | None = None,
        *,
        mask: Bool[Array, "..."] | None = None,
    ) -> Features:
        """Norm each channel, over the examples of a batch in training, by averages after it."""
        if not isinstance(self.scale, nnx.Param):
            use_running_average = True
        return super().__call__(x, use_running_average, mask=mask)


class Convolution(nnx.Module):
    """A convolution and the norm of what it gives."""

    def __init__(
        self, sizes: dict[str, int], *, stride: int = 1, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        rows, columns, c_in, c_out = sizes.values()
        # Half of what a ReLU passes on is zero, hence half the inputs (He et al., 2015).
        fan_in = max(1, rows * columns * c_in // 2)
        self.kernel = parameter(rngs.params(), sizes, fan_in, precision)
        self.norm = BatchNorm(c_out, precision=precision)
        self.stride = stride
        self.precision = precision

    def __call__(self, x: Features) -> Float[Array, "batch _ _ c_out"]:
        """Float32 features."""
        chex.assert_shape(x, (None, None, None, self.kernel.shape[2]))
        padding = self.kernel.shape[0] // 2
        options = {"stride": self.stride, "padding": padding}
        return self.norm(convolve(x, self.kernel[...], self.precision, **options))


class Block(nnx.Module):
    """Convolutions whose result is added to what they are given."""

    def __init__(
        self,
        settings: PublishedResNetSettings,
        stage: int,
        c_in: int,
        stride: int,
        *,
        rngs: nnx.Rngs,
        precision: Precision,
    ) -> None:
        inner, width = settings.inner[stage], settings.widths[stage]
        three, one = {"kh": 3, "kw": 3}, {"kh": 1, "kw": 1}
        sizes = [
            three | {"d_model": c_in, "d_ff": inner},
            three | {"d_ff": inner, "d_model": width},
        ]
        if settings.bottleneck:
            into, back = (one | dict(list(each.items())[2:]) for each in sizes)
            sizes = [into, three | {"c_in": inner, "d_ff": inner}, back]
        strides = (1, stride, 1) if settings.bottleneck else (stride, 1)
        self.convs = nnx.List(
            Convolution(each, stride=step, rngs=rngs, precision=precision)
            for each, step in zip(sizes, strides, strict=True)
        )
        same, sizes = stride == 1 and c_in == width, one | {"c_in": c_in, "d_model": width}
        made = {"stride": stride, "rngs": rngs, "precision": precision}
        self.shortcut = None if same else Convolution(sizes, **made)

    def __call__(self, x: Features) -> Float[Array, "batch _ _ d_model"]:
        """One block; height and width are divided by its stride."""
        *convs, last = self.convs
        inner = x
        for conv in convs:
            inner = jax.nn.relu(conv(inner)).astype(x.dtype)
            inner = constrain(inner, "batch", "height", "width", "d_ff")
        around = x.astype(jnp.float32) if self.shortcut is None else self.shortcut(x)
        made = jax.nn.relu(last(inner) + around).astype(x.dtype)
        return constrain(made, "batch", "height", "width", "d_model")


class PublishedResNet(nnx.Module):
    """Tells which class an image belongs to."""

    def __init__(
        self, settings: PublishedResNetSettings, *, rngs: nnx.Rngs, precision: Precision
    ) -> None:
        _, num_classes = settings.known_sizes()
        self.settings = settings
        self.precision = precision
        sizes = {"kh": 7, "kw": 7, "channels": settings.channels, "d_model": settings.stem}
        self.stem = Convolution(sizes, stride=2, rngs=rngs, precision=precision)
        blocks, c_in = [], settings.stem
        for stage, (width, depth) in enumerate(zip(settings.widths, settings.depths, strict=True)):
            for number in range(depth):
                stride = 2 if stage and not number else 1
                block = Block(settings, stage, c_in, stride, rngs=rngs, precision=precision)
                blocks.append(block)
                c_in = width
        self.blocks = nnx.List(blocks)
        sizes = {"d_model": c_in, "num_classes": num_classes}
        self.head = parameter(rngs.params(), sizes, c_in, precision)
        self.bias = declare(jnp.zeros((num_classes,), jnp.float32), ("num_classes",), precision)

    def __call__(
        self, images: Images, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "batch num_classes"]:
        """Float32 logits of the classes.

        Args:
            images: Normalised pixels.
            key: Randomness for dropout; without it nothing is dropped.
        """
        x = self.stem(self.settings.rescale(images))
        x = jax.nn.relu(x).astype(self.precision.compute_dtype)
        x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))  # zeros are no more than a ReLU gives
        x = nnx.max_pool(x, (3, 3), strides=(2, 2))
        x = constrain(x, "batch", "height", "width", "d_model")
        for block in self.blocks:
            x = block(x)
        pooled = jnp.mean(x.astype(jnp.float32), (1, 2))
        options = {"dropout": self.settings.dropout, "key": key}
        return classify(pooled, self.head, self.bias, self.precision, **options)
