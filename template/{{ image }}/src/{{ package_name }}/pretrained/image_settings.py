"""What the published models of images have in common: what they read, and how they are adapted."""

from collections.abc import Mapping
from typing import Annotated, Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import Field

from ..errors import UserError
from ..numerics.contract import contract
from ..numerics.precision import Precision
from ..settings import Settings, Size
from .adapting import Adapted, replace_head

Images = Float[Array, "batch height width channels"]
Pooled = Float[Array, "batch d_model"]


class PublishedImageSettings(Settings):
    """A model of images as it was published.

    It is given images as this project normalises them, by the data set's mean and standard
    deviation, and brings them to what its weights have been trained on: pixels from 0 to 1, less
    `mean`, divided by `std`. Grey images are given to weights of three channels as three alike.

    Attributes:
        channels: Channels that the weights read.
        mean: Of each channel.
        std: Of each channel.
        dropout: Share of the pooled features dropped in training.
        image_shape: Height, width and channels of an image. Leave it out of a configuration.
        num_classes: Classes to tell apart. Leave it out, too, as the two below.
        data_mean: By which the data set's images are normalised.
        data_std: Likewise.
    """

    channels: Size = 3
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[Annotated[float, Field(gt=0)], ...] = (0.229, 0.224, 0.225)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    image_shape: tuple[Size, Size, Size] | None = None
    num_classes: Size | None = None
    data_mean: tuple[float, ...] = ()
    data_std: tuple[float, ...] = ()

    def fitted(self, info: Mapping[str, Any]) -> "PublishedImageSettings":
        """These settings for the data set that `info` describes.

        Raises:
            UserError: Its images have other channels than the weights read.
        """
        if info.get("kind") != "image":
            return self
        shape = tuple(info["shape"])
        if shape[2] not in (1, self.channels):
            raise UserError(
                f"the model's weights read images of {self.channels} channels, the data set has "
                f"{shape[2]}: prepare it with data.channels={self.channels}"
            )
        follows = {
            "image_shape": shape,
            "num_classes": len(info["classes"]),
            "data_mean": tuple(info["mean"]),
            "data_std": tuple(info["std"]),
        }
        return self.model_copy(update=follows)

    def known_sizes(self) -> tuple[tuple[int, int, int], int]:
        """Shape of an image and number of classes.

        Raises:
            UserError: No data set has told them yet.
        """
        if self.image_shape is None or self.num_classes is None:
            raise UserError("model.num_classes follows from the images: prepare a data set first")
        return self.image_shape, self.num_classes

    def adapted(self, weights: PyTree, like: PyTree) -> Adapted:
        """Weights of a model that differs from this one in its head; see `training.start`."""
        return replace_head(weights, like)

    def rescale(self, images: Images) -> Float[Array, "batch height width c_in"]:
        """Bring images to what the weights have been trained on, with as many channels."""
        (data_mean, data_std), (mean, std) = (
            (jnp.asarray(one, jnp.float32), jnp.asarray(other, jnp.float32))
            for one, other in ((self.data_mean, self.data_std), (self.mean, self.std))
        )
        factor = jnp.broadcast_to(data_std, std.shape) / std
        shift = (jnp.broadcast_to(data_mean, mean.shape) - mean) / std
        alike = jnp.broadcast_to(images, (*images.shape[:3], self.channels))
        return alike * factor[None, None, None] + shift[None, None, None]


def classify(
    pooled: Pooled,
    head: nnx.Variable,
    bias: nnx.Variable,
    precision: Precision,
    *,
    dropout: float,
    key: PRNGKeyArray | None,
) -> Float[Array, "batch num_classes"]:
    """Float32 logits of the classes, by pooled features.

    Args:
        pooled: The features.
        head: The weight of each feature for each class.
        bias: Of each class.
        precision: The policy.
        dropout: Share of the features that is dropped.
        key: Randomness for that; without it nothing is dropped.
    """
    if dropout > 0 and key is not None:
        kept = jax.random.bernoulli(key, 1.0 - dropout, pooled.shape)
        pooled = jnp.where(kept, pooled / (1.0 - dropout), 0.0)
    logits = contract("bd,dc->bc", pooled, head[...], precision, accumulator=True)
    return logits + bias[...].astype(jnp.float32)[None, :]
