"""From image files to a data set: brought to one size, divided by content, stored as raw pixels.

A record is a label (32 bits) and the pixels, height by width by channels, one byte each. Raw
pixels are larger than files, and reading them costs nothing in training.
"""

from pathlib import Path
from typing import Any

import numpy as np

from .errors import UserError
from .images import Pixels, Shape, load_all
from .reporting.byte_progress import ByteProgress
from .sources import ImageFile, Source
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .storage.splitting import SPLITS, Splitter, split_lines

PERCENT = (70, 10, 20)  # of the images are for training, validation, and the test


def record_type(shape: Shape) -> np.dtype:
    """How a record lies in bytes."""
    return np.dtype([("label", "<i4"), ("image", "u1", shape)])


def prepare_images(
    source: Source,
    directory: Path,
    *,
    shape: Shape,
    overwrite: bool,
    progress: bool,
) -> DataSet:
    """Write the data set of a source.

    Disk use peaks at about twice the pixels, since an image's split is known when all are read.

    Args:
        source: The images.
        directory: Where the data set will stand.
        shape: Height, width and channels that all images are brought to.
        overwrite: Replace the data set that stands there.
        progress: Show progress on standard error.

    Returns:
        The finished data set.

    Raises:
        UserError: An image cannot be read, a class or a split has no images, or the data set cannot
            be written. Nothing is left behind.
    """
    with DataSetWriter(directory, overwrite=overwrite) as writer:
        files = source.files(writer.scratch)
        classes = sorted({file.label for file in files})
        if len(classes) < 2:
            raise UserError(f"{source.name} has one class only, {classes[0]}: give two or more")
        splitter = Splitter(PERCENT, source.kept_together)
        spool = writer.spool()
        record = np.zeros((), record_type(shape))
        with ByteProgress("reading images", _size(files), enabled=progress) as bar:
            pictures = load_all([file.path for file in files], shape)
            for file, picture in zip(files, pictures, strict=True):
                splitter.add(file.group or picture.digest, file.label)
                record["label"], record["image"] = classes.index(file.label), picture.pixels
                spool.add(record.tobytes())
                bar.advance(file.path.stat().st_size)
        splits, division = splitter.divide([file.split for file in files if file.split])
        _check_trained(division["classes"])
        moments = _Moments()
        for split, data in zip(splits, spool.take(), strict=True):
            if split == SPLITS[0]:
                moments.add(np.frombuffer(data, record.dtype)["image"][0])
            writer.write(split, data)
        mean, std = moments.mean_and_std()
        info: dict[str, Any] = {
            "kind": "image",
            "source": source.name,
            "shape": list(shape),
            "classes": classes,
            "mean": mean,
            "std": std,
            "split": division,
        }
        return writer.commit(info)


def summary(data_set: DataSet) -> str:
    """Tell in a few lines what a data set of images holds."""
    info = data_set.info
    height, width, channels = info["shape"]
    kind = "grey" if channels == 1 else "colour"
    lines = [
        f"{data_set.directory}: {info['source']}",
        f"  {len(info['classes'])} classes; {kind} images of {height} by {width} pixels",
        *split_lines(info["split"], "images"),
    ]
    return "\n".join(lines)


def _size(files: list[ImageFile]) -> int:
    return sum(file.path.stat().st_size for file in files)


def _check_trained(classes: dict[str, dict[str, int]]) -> None:
    for label, count in classes[SPLITS[0]].items():
        if not count:
            elsewhere = sum(counts[label] for counts in classes.values())
            raise UserError(
                f"class {label} has no image to train on among its {elsewhere}: give more of them, "
                "or put them into folders train, validation and test yourself"
            )


class _Moments:
    """Mean and standard deviation of each channel, of pixels from 0 to 1."""

    def __init__(self) -> None:
        self._count = 0
        self._sum: Any = 0.0
        self._squares: Any = 0.0

    def add(self, pixels: Pixels) -> None:
        values = pixels.reshape(-1, pixels.shape[-1]) / 255.0
        self._count += len(values)
        self._sum = self._sum + values.sum(0)
        self._squares = self._squares + np.square(values).sum(0)

    def mean_and_std(self) -> tuple[list[float], list[float]]:
        mean = self._sum / self._count
        # A channel that never changes is divided by one step of its pixels.
        std = np.sqrt(np.maximum(self._squares / self._count - mean**2, 255.0**-2))
        return mean.round(6).tolist(), std.round(6).tolist()
