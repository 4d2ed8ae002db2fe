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
        return scan(self.folder or _write_digits(scratch / "digits"), self.group)


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
        UserError: A folder has no images, or an image is where none belongs, or has no group.
    """
    from .storage.splitting import SPLITS

    paths = _images(folder)
    tops = {path.parts[0] for path in paths}
    folders = {path.name for path in folder.iterdir() if path.is_dir() and path.name[0] != "."}
    if folders > tops or not paths:
        empty = folder.joinpath(*sorted(folders - tops)[:1])
        raise UserError(f"{empty} holds no image ({_suffixes()})")
    ready = tops == set(SPLITS) and any(len(path.parts) > 2 for path in paths)
    if ready and group:
        raise UserError(f"--group: {folder} has ready-made splits, which stay as they are")
    files = []
    for path in paths:
        *above, _ = path.parts
        if len(above) != 1 + ready and not (group and above):
            raise UserError(
                f"{folder / path} lies where no image belongs: give a folder of class folders, "
                "which hold images only, or folders train, validation and test of such folders"
            )
        kept = _group(path, group) if group else b""
        files.append(ImageFile(folder / path, above[ready], above[0] if ready else None, kept))
    return files


def find(patterns: Sequence[str]) -> list[Path]:
    """Image files by name, by pattern, or below folders, wherever they lie.

    Raises:
        UserError: A pattern matches nothing, or nothing but folders without images.
    """
    found: set[Path] = set()
    for pattern in patterns:
        expanded = os.path.expanduser(pattern)
        files: list[Path] = []
        for match in map(Path, glob.glob(expanded, recursive=True) or [expanded]):
            files += [match] if match.is_file() else [match / path for path in _images(match)]
        if not files:
            raise UserError(f"--source {pattern} matches no image ({_suffixes()})")
        found.update(files)
    return sorted(found)


def _images(folder: Path) -> list[Path]:
    """The images below a folder, by their paths from there; hidden ones are passed over."""
    names = glob.glob("**", root_dir=folder, recursive=True)
    images = (Path(name) for name in names if name.lower().endswith(SUFFIXES))
    return sorted(path for path in images if (folder / path).is_file())


def _group(path: Path, group: str) -> bytes:
    below = path.relative_to(path.parts[0]).as_posix()
    found = re.search(group, below)
    if not found:
        raise UserError(f"--group {group} matches nothing in {below}, of class {path.parts[0]}")
    return hashlib.sha256(found.group().encode()).digest()


def _suffixes() -> str:
    return ", ".join(suffix.removeprefix(".") for suffix in SUFFIXES)


def _write_digits(folder: Path) -> Path:
    """Write the sample as files that a user could have, and return their folder."""
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
    return folder
