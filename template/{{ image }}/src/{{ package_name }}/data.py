"""What an example is, and where examples come from.

A data set of images holds pixels and targets (see ``preparation.py``). An example is an image of
float32 pixels, channels last, each channel shifted and scaled to mean 0 and standard deviation 1
over the training split, and its target: the number of its class, which labels it has, or numbers,
shifted and scaled likewise. In training it is changed at random on the way (``augmentation.py``).

Which images form the batch of a step stands in ``training/indexed_data.py``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float32, Shaped

from . import preparation, sheets, sources
from .augmentation import DRAWS, Augmentation, Images
from .errors import UserError
from .schema import ImageSchema
from .settings import Size
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .training.indexed_data import Draws, Numbers
from .training.prediction import Arrays
from .training.prepared_data import PreparedData

Labels = Shaped[np.ndarray, "batch ..."]  # as they are stored


class ImageData(PreparedData):
    """A prepared data set of images and how it is read.

    Size and channels are those of the data set. Given here, they are what `prepare` makes of images
    and what other commands insist on.

    Attributes:
        directory: Where the prepared data set stands.
        height: Rows of pixels.
        width: Columns of pixels.
        channels: 1 for grey, 3 for red, green and blue; see `images.Form`.
        batch_size: Examples in a batch, over all processes together.
        augmentation: Random changes of training images.
        threads: Threads that read ahead.
    """

    directory: str = "data/images"
    height: Size | None = None
    width: Size | None = None
    channels: Size | None = None
    augmentation: Augmentation = Augmentation()

    DRAWS: ClassVar[int] = DRAWS

    def prepare(self, source: sources.Source, *, overwrite: bool, progress: bool) -> str:
        """Write the data set, and return a summary of it.

        Raises:
            UserError: The source cannot be read or is too small, or the data set not be written.
        """
        if source.show and source.is_sample and self.exists() and not overwrite:
            return self._show(source.show)
        size, channels = self._size(source), self._channels(source)
        with DataSetWriter(Path(self.directory), overwrite=overwrite) as writer:
            info = preparation.write_images(
                writer, source, size=size, channels=channels, progress=progress
            )
            told = preparation.summary(writer.commit(info))
        return f"{told}\n{self._show(source.show)}" if source.show else told

    def prepare_sample(self, *, progress: bool) -> str:
        """Write the bundled sample as the data set, and return a summary of it."""
        return self.prepare(sources.sample(), overwrite=False, progress=progress)

    def examples(self, split: str) -> "ImageExamples":
        """The images of a split.

        Raises:
            UserError: The data set is not there, or has images of another shape.
        """
        data_set = self.open("image")
        form = ImageSchema.of(data_set.info).form
        for name in ("height", "width", "channels"):
            wanted, there = getattr(self, name), getattr(form, name)
            if wanted not in (None, there):
                raise UserError(
                    f"data.{name}={wanted}, but {self.directory} was prepared with {form.said}: "
                    "leave it out, or prepare the images again with --overwrite"
                )
        return ImageExamples(data_set, split, self.augmentation)

    def _show(self, path: Path) -> str:
        return sheets.draw_changes(path, self.open("image"), self.augmentation)

    def _size(self, source: sources.Source) -> tuple[int, int] | None:
        """Height and width that are asked for."""
        if (self.height is None) != (self.width is None):
            raise UserError("data.height and data.width: give both, or --size")
        if self.height is None or self.width is None:
            return source.size
        here = (self.height, self.width)
        if source.size not in (None, here):
            high, wide = source.size
            raise UserError(
                f"--size {high}x{wide} and data.height={here[0]}, data.width={here[1]}: give one"
            )
        return here

    def _channels(self, source: sources.Source) -> int | None:
        if self.channels is not None and source.channels not in (None, self.channels):
            raise UserError(
                f"--channels {source.channels} and data.channels={self.channels}: give one"
            )
        return self.channels or source.channels


class ImageExamples:
    """The images of a split as batches."""

    def __init__(self, data_set: DataSet, split: str, augmentation: Augmentation) -> None:
        self._info = data_set.info
        self._records = data_set.source(split)
        self._type = ImageSchema.of(data_set.info).record_type
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
        return fill_up(make_batch(images, records["label"], self._info), len(numbers))

    def locate(self, number: int) -> str:
        """Where an image is stored."""
        return self._records.locate(number)


def make_batch(images: Images, labels: Labels | None, info: Mapping[str, Any]) -> Arrays:
    """Turn pixels and targets into the arrays that the model and the loss need.

    Args:
        images: The images.
        labels: Their targets as they are stored, where they are known.
        info: What the data set says of itself.

    Returns:
        ``images``, float32 (batch, height, width, channels), normalised; ``weights``, float32
        (batch,), all 1; and ``labels``: numbers of classes, int32 (batch,); 0 or 1 for each label,
        float32 (batch, labels); or normalised numbers, float32 (batch, numbers).
    """
    batch = {"images": normalise(images, info), "weights": np.ones(len(images), np.float32)}
    if labels is None:
        return batch
    targets = ImageSchema.of(info).targets
    if targets.task == "classification":
        return {**batch, "labels": labels.astype(np.int32)}
    if targets.task == "regression":
        labels = (labels - np.array(targets.mean)[None]) / np.array(targets.std)[None]
    return {**batch, "labels": labels.astype(np.float32)}


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
    most = 2.0 ** info.get("bits", 8) - 1
    return images.astype(np.float32) * (1 / (most * std)) - shift
