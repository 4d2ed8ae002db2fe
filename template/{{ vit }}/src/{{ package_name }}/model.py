"""A transformer for images: yours to change.

An image is cut into square patches, which a transformer reads as it would read words (Dosovitskiy
et al., 2021): learned position embeddings, attention without a mask, and the mean over all
positions, rather than a class token, for the classifier. The blocks stand in `blocks.py`.
"""

import math

import chex
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from .block_settings import BlockSettings
from .blocks import stack_blocks
from .encoder import run_blocks
from .errors import UserError
from .fitting import FitsImages
from .layers import RMSNorm
from .numerics.contract import contract
from .numerics.parameters import declare, parameter
from .numerics.precision import Precision
from .parallel.rules import constrain
from .pretrained.adapting import Adapted, resize_positions
from .settings import Size

Images = Float[Array, "batch height width channels"]


class ViTSettings(BlockSettings, FitsImages):
    """The size of a vision transformer, and how it is computed.

    Attributes:
        patch: Height and width of a patch, in pixels; None for the largest that divides an image,
            that is at most 16 and a quarter of its shorter side.
    """

    patch: Size | None = 8

    def known_patch(self) -> int:
        """Height and width of a patch."""
        (height, width, _), _ = self.known_sizes()
        if self.patch is not None:
            return self.patch
        most = min(max(min(height, width) // 4, 1), 16)
        common = math.gcd(height, width)
        return next(size for size in range(most, 0, -1) if common % size == 0)

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """Patterns of the parameters of patches, and of all blocks, which are stacked."""
        return (("embedding", "positions"), ("blocks.*",))

    @property
    def above(self) -> tuple[str, ...]:
        """Those between blocks and head."""
        return ("norm.*",)

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> "ViT":
        """Build the transformer with freshly initialised parameters.

        Raises:
            UserError: Patches do not fill an image exactly.
        """
        (height, width, _), _ = self.known_sizes()
        patch = self.known_patch()
        if height % patch or width % patch:
            raise UserError(
                f"model.patch: {patch} does not divide images of {height} by {width} pixels"
            )
        return ViT(self, rngs=rngs, precision=precision)

    def adapted(self, weights: PyTree, like: PyTree) -> Adapted:
        """Weights of a run on other classes or images of another size, which starts from it."""
        (height, width, _), _ = self.known_sizes()
        patch = self.known_patch()
        resized = resize_positions(weights, like, (height // patch, width // patch))
        replaced = super().adapted(resized.weights, like)
        return Adapted(replaced.weights, resized.notes + replaced.notes)


class ViT(nnx.Module):
    """Tells which class an image belongs to."""

    def __init__(self, settings: ViTSettings, *, rngs: nnx.Rngs, precision: Precision) -> None:
        (height, width, channels), num_classes = settings.known_sizes()
        self.settings = settings
        self.precision = precision
        patch, d_model = settings.known_patch(), settings.d_model
        size = patch**2 * channels
        sizes = {"d_patch": size, "d_model": d_model}
        self.embedding = parameter(rngs.params(), sizes, size, precision)
        seq_len = (height // patch) * (width // patch)
        sizes = {"seq_len": seq_len, "d_model": d_model}
        self.positions = parameter(rngs.params(), sizes, d_model, precision)
        self.blocks = stack_blocks(settings, rngs=rngs, precision=precision)
        self.norm = RMSNorm({"d_model": d_model}, settings, precision=precision)
        sizes = {"d_model": d_model, "num_classes": num_classes}
        self.head = parameter(rngs.params(), sizes, d_model, precision)
        self.bias = declare(jnp.zeros((num_classes,), jnp.float32), ("num_classes",), precision)

    def __call__(
        self, images: Images, *, key: PRNGKeyArray | None = None
    ) -> Float[Array, "batch num_classes"]:
        """Float32 logits of the classes.

        Args:
            images: Normalised pixels.
            key: Randomness for dropout; without it nothing is dropped.
        """
        chex.assert_shape(images, (None, *self.settings.known_sizes()[0]))
        patches = patchify(images, self.settings.known_patch())
        x = contract("bsp,pd->bsd", patches, self.embedding[...], self.precision)
        # In float32, since the gradient of the positions is summed over the batch.
        wide = x.astype(jnp.float32) + self.positions[...].astype(jnp.float32)[None]
        x = wide.astype(x.dtype)
        x = constrain(x, "batch", "seq_len", "d_model")
        x = run_blocks(self.blocks, self.settings, x, key=key)
        x = jnp.mean(self.norm(x).astype(jnp.float32), axis=1)
        logits = contract("bd,dc->bc", x, self.head[...], self.precision, accumulator=True)
        return logits + self.bias[...].astype(jnp.float32)[None, :]


def patchify(images: Images, size: int) -> Float[Array, "batch seq_len d_patch"]:
    """Cut images into squares, row by row, each as a vector of its pixels."""
    batch, height, width, channels = images.shape
    rows, columns = height // size, width // size
    squares = images.reshape(batch, rows, size, columns, size, channels).swapaxes(2, 3)
    return squares.reshape(batch, rows * columns, size * size * channels)
