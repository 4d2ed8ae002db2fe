"""Where images come from: the bundled sample, or folders of your own.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import argparse
import glob
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .errors import UserError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")


class ImageFile(NamedTuple):
    """A file and what its place says about it.

    Attributes:
        path: The file.
        label: Its class, the name of its folder.
        split: ``train``, ``validation`` or ``test``; None where no folder says so.
        group: SHA-256 of what stands for the group of images that it is one of; empty without.
    """

    path: Path
    label: str
    split: str | None = None
    group: bytes = b""


@dataclass(frozen=True)
class Source:
    """A folder of images, or the bundled sample.

    Attributes:
        name: What the data set remembers as its origin.
        folder: Folders named by classes, or folders ``train``, ``validation`` and ``test`` of such
            folders; None stands for the sample.
        group: A regular expression. Images stay together where it matches the same text in their
            paths below the class folders; empty for equal images only.
    """

    name: str
    folder: Path | None
    group: str = ""

    @property
    def kept_together(self) -> str:
        """What decides the split of an image."""
        return f"{self.group!r} in the path" if self.group else "the image"

    def files(self, scratch: Path) -> list[ImageFile]:
        """All image files.

        Args:
            scratch: A folder for the files of the sample.

        Raises:
            UserError: The folder is not laid out as it should be, or the sample is not installed.
        """
        if self.folder is None:
            _write_digits(scratch / "digits")
            return scan(scratch / "digits", self.group)
        return scan(self.folder, self.group)


def sample() -> Source:
    """Return the bundled sample: 1,797 handwritten digits of 8 by 8 pixels, from scikit-learn."""
    return Source("handwritten digits of scikit-learn", None)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the prepare command that say where images come from."""
    parser.add_argument(
        "--source",
        metavar="DIR",
        help="your images: a folder with a folder for each class, or folders train, validation and "
        "test that hold such folders. Without it: scikit-learn's handwritten digits",
    )
    parser.add_argument(
        "--group",
        default="",
        metavar="REGEX",
        help="keep images in one split where this matches the same text in their paths below the "
        "class folders: '^[^/]+' for photos/cat/tom/1.jpg, '^[^_]+' for photos/cat/tom_1.jpg",
    )


def from_arguments(arguments: argparse.Namespace) -> Source:
    """Return what ``add_arguments`` describes.

    Raises:
        UserError: There is no such folder, or the group is no regular expression.
    """
    try:
        re.compile(arguments.group)
    except re.error as error:
        raise UserError(f"--group {arguments.group} is no regular expression: {error}") from error
    if arguments.source is None:
        if arguments.group:
            raise UserError("--group needs images of your own, named by --source")
        return sample()
    folder = Path(arguments.source).expanduser()
    if not folder.is_dir():
        raise UserError(f"--source {arguments.source} is no folder")
    return Source(arguments.source, folder, arguments.group)


def scan(folder: Path, group: str = "") -> list[ImageFile]:
    """Image files below folders of classes, in a fixed order.

    Files whose names do not end like those of images (`SUFFIXES`), and all whose names begin with a
    dot, are passed over.

    Args:
        folder: A folder of class folders, or of splits of these.
        group: See `Source`; with it, class folders may hold folders.

    Raises:
        UserError: There are no folders, or one without images, or images where none belong, or one
            without a group.
    """
    from .storage.splitting import SPLITS

    tops = _folders(folder)
    nested = [top for top in tops if _folders(top)]
    names = [top.name for top in tops]
    if group:
        if sorted(names) == sorted(SPLITS):
            raise UserError(f"--group: {folder} has ready-made splits, which stay as they are")
        return [_grouped(file, folder, group) for file in _classes(folder, deep=True)]
    if not nested:
        return _classes(folder)
    if sorted(names) != sorted(SPLITS):
        raise UserError(
            f"{nested[0]} holds folders: a class folder holds images only, and ready-made splits "
            f"are three folders train, validation and test; {folder} has {', '.join(names)}"
        )
    if loose := _images(folder):
        raise UserError(f"{loose[0]} lies beside the folders of the splits: move or delete it")
    return [file._replace(split=name) for name in SPLITS for file in _classes(folder / name)]


def find(patterns: Sequence[str]) -> list[Path]:
    """Image files by name, by pattern, or below folders, wherever they lie.

    Raises:
        UserError: A pattern matches nothing, or nothing but folders without images.
    """
    found: set[Path] = set()
    for pattern in patterns:
        expanded = os.path.expanduser(pattern)
        matches = [Path(name) for name in glob.glob(expanded, recursive=True)]
        if not matches and os.path.exists(expanded):
            matches = [Path(expanded)]  # a name with brackets in it
        files = [path for path in matches if path.is_file()]
        for path in matches:
            if path.is_dir():
                files.extend(each for each in path.rglob("*") if _is_image(each))
        if not files:
            raise UserError(f"--source {pattern} matches no image ({_suffixes()})")
        found.update(files)
    return sorted(found)


def _grouped(file: ImageFile, folder: Path, group: str) -> ImageFile:
    below = file.path.relative_to(folder / file.label).as_posix()
    found = re.search(group, below)
    if not found:
        raise UserError(f"--group {group} matches nothing in {below}, of {file.path}")
    return file._replace(group=hashlib.sha256(found.group().encode()).digest())


def _classes(folder: Path, *, deep: bool = False) -> list[ImageFile]:
    """The files of one folder of class folders."""
    tops = _folders(folder)
    if not tops:
        raise UserError(f"{folder} has no folders: put the images into one folder for each class")
    if loose := _images(folder):
        raise UserError(f"{loose[0]} lies beside the class folders: move it into one of them")
    files = []
    for top in tops:
        if not deep and (deeper := _folders(top)):
            raise UserError(f"{deeper[0]} lies in a class folder: it may hold images only")
        images = sorted(filter(_is_image, top.rglob("*"))) if deep else _images(top)
        if not images:
            raise UserError(f"{top} holds no image ({_suffixes()})")
        files.extend(ImageFile(path, top.name) for path in images)
    return files


def _folders(folder: Path) -> list[Path]:
    visible = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in visible if path.is_dir())


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if _is_image(path))


def _is_image(path: Path) -> bool:
    named = path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    return named and path.is_file()


def _suffixes() -> str:
    return ", ".join(suffix.removeprefix(".") for suffix in SUFFIXES)


def _write_digits(folder: Path) -> None:
    """Write the sample as files that a user could have."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UserError(
            "the sample comes with scikit-learn, which is not installed: run `uv sync`, or give "
            "images of your own with --source"
        ) from None
    import numpy as np
    from PIL import Image

    pixels, digits = load_digits(return_X_y=True)
    pixels = np.round(pixels.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)  # from 0 to 16
    for number, (image, digit) in enumerate(zip(pixels, digits, strict=True)):
        (folder / str(digit)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / str(digit) / f"{number:04}.png")
