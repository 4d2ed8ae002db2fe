"""Images in NumPy's `.npz` files: arrays of pixels, with arrays of what is to be predicted."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.lib import format as npy

from .errors import UserError
from .folders import Item

SUFFIX = ".npz"

_SPLIT = re.compile(r"(?:^|[_.\W])(train|validation|valid|val|dev|test)(?=$|[_.\W])")
_ROWS = 256  # of an array that are in memory at a time


class Stored(NamedTuple):
    """An array in a file.

    Attributes:
        name: Its name.
        shape: Its shape.
        dtype: Its type.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype


class Part(NamedTuple):
    """Images of a file that belong together, with their targets.

    Attributes:
        split: ``train``, ``validation`` or ``test``, as the names of the arrays say; None without.
        images: The images, (count, height, width) or (count, height, width, channels).
        targets: A class or several numbers for each image; None where there are none.
    """

    split: str | None
    images: Stored
    targets: Stored | None


class Arrays:
    """Files of arrays, read a few rows at a time.

    Attributes:
        said: How they are read, in lines for a reader.
    """

    def __init__(self, files: Sequence[Path], *, targets: bool) -> None:
        """Find out which arrays hold what.

        Args:
            files: The files.
            targets: Whether there must be something to predict.

        Raises:
            UserError: A file cannot be read, or it is not certain what its arrays hold.
        """
        self._parts = {path: _parts(path, targets) for path in files}
        self.said = []
        splits = {part.split for parts in self._parts.values() for part in parts}
        self._ready = splits == {"train", "validation", "test"}
        for path, parts in self._parts.items():
            for split, images, labels in parts:
                what = f"{path}: {images.name} holds {images.shape[0]:,} images"
                if targets and labels is not None:
                    what += f", {labels.name} is predicted"
                self.said.append(what + (f"; {split}" if split and self._ready else ""))

    def items(self, *, targets: bool = True) -> Iterator[Item]:
        """The images in the order of their arrays.

        Raises:
            UserError: A file cannot be read.
        """
        for path, parts in self._parts.items():
            for split, images, labels in parts:
                labelled = targets and labels is not None
                rows = _rows(path, labels.name) if labelled and labels is not None else None
                for number, pixels in enumerate(_rows(path, images.name)):
                    values = () if rows is None else tuple(np.ravel(next(rows)).tolist())
                    where = f"{path}, image {number} of {images.name}"
                    yield Item(where, pixels, values, split if self._ready else None)


def _parts(path: Path, targets: bool) -> list[Part]:
    """The images of a file, split by split if the names of its arrays tell splits."""
    stored = _stored(path)
    listed = ", ".join(f"{each.name} {each.shape}" for each in stored) or "none"
    of_split: dict[str | None, list[Stored]] = {}
    for each in stored:
        of_split.setdefault(_split_of(each.name), []).append(each)
    parts = []
    for split, arrays in of_split.items():
        images = [each for each in arrays if len(each.shape) in (3, 4)]
        if len(images) != 1:
            raise UserError(
                f"{path}: give one array of images, (count, height, width) or (count, height, "
                f"width, channels), or one for each of train, validation and test; it has {listed}"
            )
        count, shape = images[0].shape[0], images[0].shape
        if len(shape) == 4 and shape[1] in (1, 3, 4) and shape[3] > 4:
            raise UserError(
                f"{path}: {images[0].name} {shape} seems to have its channels before height and "
                "width: put them last"
            )
        labels = [each for each in arrays if len(each.shape) in (1, 2) and each.shape[0] == count]
        if targets and len(labels) != 1:
            raise UserError(
                f"{path}: give one array of {count:,} targets for {images[0].name}; it has {listed}"
            )
        parts.append(Part(split, images[0], labels[0] if len(labels) == 1 else None))
    return parts


def _split_of(name: str) -> str | None:
    found = _SPLIT.search(name.lower())
    if found is None:
        return None
    return "validation" if found[1] in ("validation", "valid", "val", "dev") else found[1]


def _stored(path: Path) -> list[Stored]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [each.removesuffix(".npy") for each in archive.namelist()]
            heads: Mapping[str, tuple[tuple[int, ...], bool, np.dtype]] = {
                name: _head(archive, name)[:3] for name in names
            }
    except (OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    return [Stored(name, shape, dtype) for name, (shape, _, dtype) in heads.items()]


def _head(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Shape, order and type of an array, and where in its file the values begin."""
    with archive.open(f"{name}.npy") as file:
        version = npy.read_magic(file)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(file)
        return shape, fortran, dtype, file.tell()


def _rows(path: Path, name: str) -> Iterator[np.ndarray]:
    """The rows of an array."""
    try:
        with zipfile.ZipFile(path) as archive:
            shape, fortran, dtype, begin = _head(archive, name)
            if fortran or dtype.hasobject:
                with np.load(path) as whole:  # which refuses objects
                    yield from whole[name]
                return
            with archive.open(f"{name}.npy") as file:
                file.read(begin)
                size = prod(shape[1:]) * dtype.itemsize
                for first in range(0, shape[0], _ROWS):
                    count = min(_ROWS, shape[0] - first)
                    rows = np.frombuffer(file.read(count * size), dtype)
                    yield from rows.reshape(count, *shape[1:])
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(f"{path}: {name} cannot be read: {error}") from error
