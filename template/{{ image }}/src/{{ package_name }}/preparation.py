"""From image files to a data set: brought to one size, divided by content, stored as raw pixels.

A record is a label (32 bits) and the pixels, height by width by channels, one byte each. Raw
pixels are larger than files, and reading them costs nothing in training.
"""

from typing import Any

import numpy as np

from .errors import UserError
from .images import Shape, load_all
from .reporting.byte_progress import ByteProgress
from .sources import Source
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .storage.splitting import SPLITS, Splitter, split_lines

PERCENT = (70, 10, 20)  # of the images are for training, validation, and the test


def record_type(shape: Shape) -> np.dtype:
    """How a record lies in bytes."""
    return np.dtype([("label", "<i4"), ("image", "u1", shape)])


def write_images(
    writer: DataSetWriter, source: Source, *, shape: Shape, progress: bool
) -> dict[str, Any]:
    """Write the splits of a source.

    Disk use peaks at about twice the pixels, since an image's split is known when all are read.

    Args:
        writer: Where they go.
        source: The images.
        shape: Height, width and channels that all images are brought to.
        progress: Show progress on standard error.

    Returns:
        What the data set is to remember.

    Raises:
        UserError: An image cannot be read, a class or a split has no images, or a file cannot be
            written.
    """
    files = source.files(writer.scratch)
    classes = sorted({file.label for file in files})
    if len(classes) < 2:
        raise UserError(f"{source.name} has one class only, {classes[0]}: give two or more")
    sizes = [file.path.stat().st_size for file in files]
    splitter, spool = Splitter(PERCENT, source.kept_together), writer.spool()
    record = np.zeros((), record_type(shape))
    with ByteProgress("reading images", sum(sizes), enabled=progress) as bar:
        pictures = load_all([file.path for file in files], shape)
        for file, size, picture in zip(files, sizes, pictures, strict=True):
            splitter.add(file.group or picture.digest, file.label)
            record["label"], record["image"] = classes.index(file.label), picture.pixels
            spool.add(record.tobytes())
            bar.advance(size)
    splits, division = splitter.divide([file.split for file in files if file.split])
    _check_trained(division["classes"])
    sums = np.zeros((2, shape[2]), np.int64)  # of the training split's pixels and of their squares
    for split, data in zip(splits, spool.take(), strict=True):
        writer.write(split, data)
        if split == SPLITS[0]:
            pixels = np.frombuffer(data, record.dtype)["image"].astype(np.int64)
            sums += np.sum([pixels, np.square(pixels)], axis=(1, 2, 3))
    count = division["counts"][SPLITS[0]] * shape[0] * shape[1]
    mean, squares = sums[0] / count / 255, sums[1] / count / 255**2
    # A channel that never changes is divided by one step of its pixels.
    std = np.sqrt(np.maximum(squares - mean**2, 255.0**-2))
    return {
        "kind": "image",
        "source": source.name,
        "shape": list(shape),
        "classes": classes,
        "mean": mean.round(6).tolist(),
        "std": std.round(6).tolist(),
        "split": division,
    }


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


def _check_trained(classes: dict[str, dict[str, int]]) -> None:
    for label, count in classes[SPLITS[0]].items():
        if not count:
            elsewhere = sum(counts[label] for counts in classes.values())
            raise UserError(
                f"class {label} has no image to train on among its {elsewhere}: give more of them, "
                "or put them into folders train, validation and test yourself"
            )
