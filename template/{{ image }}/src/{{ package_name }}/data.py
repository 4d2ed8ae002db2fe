"""What an example is, and where examples come from.

A data set of images holds pixels and labels (see ``preparation.py``). An example is an image of
float32 pixels, channels last, each channel shifted and scaled to mean 0 and standard deviation 1
over the training split, and the number of its class. In training it is changed at random on the
way (``augmentation.py``).

Which images form the batch of a step stands in ``training/indexed_data.py``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float32, Int32

from . import preparation, sources
from .augmentation import DRAWS, Augmentation, Images
from .errors import UserError
from .settings import Size
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .training.indexed_data import Draws, Numbers
from .training.prediction import Arrays
from .training.prepared_data import PreparedData

Labels = Int32[np.ndarray, " batch"]


class ImageData(PreparedData):
    """A prepared data set of images and how it is read.

    Attributes:
        directory: Where the prepared data set stands.
        height: Rows of pixels; `prepare` scales and crops every image to this size.
        width: Columns of pixels.
        channels: 3 for red, green and blue, 1 for grey.
        batch_size: Examples in a batch, over all processes together.
        augmentation: Random changes of training images.
        threads: Threads that read ahead.
    """

    directory: str = "data/images"
    height: Size = 64
    width: Size = 64
    channels: Literal[1, 3] = 3
    augmentation: Augmentation = Augmentation()

    DRAWS: ClassVar[int] = DRAWS

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one image."""
        return self.height, self.width, self.channels

    def prepare(self, source: sources.Source, *, overwrite: bool, progress: bool) -> str:
        """Write the data set, and return a summary of it.

        Raises:
            UserError: The source cannot be read or is too small, or the data set not be written.
        """
        with DataSetWriter(Path(self.directory), overwrite=overwrite) as writer:
            info = preparation.write_images(writer, source, shape=self.shape, progress=progress)
            return preparation.summary(writer.commit(info))

    def prepare_sample(self, *, progress: bool) -> str:
        """Write the bundled sample as the data set, and return a summary of it."""
        return self.prepare(sources.sample(), overwrite=False, progress=progress)

    def examples(self, split: str) -> "ImageExamples":
        """The images of a split.

        Raises:
            UserError: The data set is not there, or has images of another shape.
        """
        data_set = self.open("image")
        there = tuple(data_set.info["shape"])
        if there != self.shape:
            prepared, wanted = (" by ".join(map(str, shape)) for shape in (there, self.shape))
            raise UserError(
                f"{self.directory} was prepared with images of {prepared} (height, width, "
                f"channels), the configuration says {wanted}: set data.height, data.width and "
                "data.channels, or prepare it again with --overwrite"
            )
        return ImageExamples(data_set, split, self.augmentation)


class ImageExamples:
    """The images of a split as batches."""

    def __init__(self, data_set: DataSet, split: str, augmentation: Augmentation) -> None:
        self._info = data_set.info
        self._records = data_set.source(split)
        self._type = preparation.record_type(tuple(data_set.info["shape"]))
        self._augmentation = augmentation

    def __len__(self) -> int:
        """How many images."""
        return len(self._records)

    def read(self, numbers: Numbers, draws: Draws | None = None) -> Arrays:
        """Make a batch; with draws, of changed images."""
        there = numbers[numbers >= 0].tolist()
        records = np.frombuffer(b"".join([self._records[at] for at in there]), self._type)
        images = records["image"]
        if draws is not None:
            images = self._augmentation.apply(images, draws)
        labels = records["label"].astype(np.int32)
        return fill_up(make_batch(images, labels, self._info), len(numbers))

    def locate(self, number: int) -> str:
        """Where an image is stored."""
        return self._records.locate(number)


def make_batch(images: Images, labels: Labels | None, info: Mapping[str, Any]) -> Arrays:
    """Turn pixels and labels into the arrays that the model and the loss need.

    Args:
        images: The images.
        labels: The numbers of their classes, where they are known.
        info: Where the data set's ``mean`` and ``std`` stand.

    Returns:
        ``images``, float32 (batch, height, width, channels), normalised; ``weights``, float32
        (batch,), all 1; and ``labels``, int32 (batch,).
    """
    batch = {"images": normalise(images, info), "weights": np.ones(len(images), np.float32)}
    return batch if labels is None else {**batch, "labels": labels}


def fill_up(batch: Arrays, size: int) -> Arrays:
    """Add padding of weight 0 behind the examples until a batch has `size` of them."""
    missing = size - len(batch["weights"])
    if not missing:
        return batch
    return {
        name: np.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1))
        for name, array in batch.items()
    }


def normalise(
    images: Images, info: Mapping[str, Any]
) -> Float32[np.ndarray, "batch height width channels"]:
    """Bring every channel to mean 0 and standard deviation 1 over the training split."""
    std = np.asarray(info["std"], np.float32)
    shift = np.asarray(info["mean"], np.float32) / std
    return images.astype(np.float32) * (1 / (255 * std)) - shift
