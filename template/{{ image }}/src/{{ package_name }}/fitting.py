"""What a model of images takes from the data set it is trained on."""

from collections.abc import Mapping
from typing import Any

from jaxtyping import PyTree

from .errors import UserError
from .pretrained.adapting import Adapted, replace_head
from .settings import Settings, Size


class FitsImages(Settings):
    """Settings of a model whose input and output sizes follow from the data.

    Attributes:
        image_shape: Height, width and channels of an image. Leave it out of a configuration.
        num_classes: Classes to tell apart, or labels, or numbers to predict. Leave it out of a
            configuration, too.
    """

    image_shape: tuple[Size, Size, Size] | None = None
    num_classes: Size | None = None

    def fitted(self, info: Mapping[str, Any]) -> "FitsImages":
        """These settings for the data set that `info` describes; see `preparation.py`."""
        if info.get("kind") != "image":
            return self
        sizes = {"image_shape": tuple(info["shape"]), "num_classes": len(info["classes"])}
        return self.model_copy(update=sizes)

    def known_sizes(self) -> tuple[tuple[int, int, int], int]:
        """Shape of an image and number of classes.

        Raises:
            UserError: No data set has told them yet.
        """
        if self.image_shape is None or self.num_classes is None:
            raise UserError("model.num_classes follows from the images: prepare a data set first")
        return self.image_shape, self.num_classes

    def adapted(self, weights: PyTree, like: PyTree) -> Adapted:
        """Weights of a run on other classes, for a run that starts from it: the head is new."""
        return replace_head(weights, like)
