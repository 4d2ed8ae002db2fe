"""Where images come from: the bundled sample, or folders, tables and arrays of your own.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import argparse
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from . import dialect
from .dialect import Dialect
from .errors import UserError

if TYPE_CHECKING:
    from .collection import Collection

TASKS = ("classification", "multilabel", "regression")
_OF_TABLES = ("image", "target", "path", "split")


@dataclass(frozen=True)
class Source:
    """Images, and what the user said about them.

    Attributes:
        name: What the data set remembers as its origin.
        folder: Folders named by classes, or folders ``train``, ``validation`` and ``test`` of such
            folders; None stands for files, or without these for the sample.
        group: Images stay together where this regular expression matches the same text in their
            paths below the class folders, or where this column of a table has the same value; empty
            for equal images only.
        files: Tables, or files of arrays.
        label: A regular expression that finds an image's class in its path below the folder.
        image: The column of a table where paths or the bytes of image files stand.
        targets: The columns to predict.
        path: What makes a path of a text in the column `image`; see `image_tables.Columns`.
        split: The column that says which split an image is in.
        task: What the targets are, one of `TASKS`; None leaves that to their values.
        size: Height and width that images are brought to; None for a default.
        channels: How many channels; None for a default.
        most_skipped: How many images, or what share of them, may be damaged; None for none.
        show: Where a picture of examples goes.
        dialect: What the user said of how tables are written.
    """

    name: str
    folder: Path | None
    group: str = ""
    files: tuple[Path, ...] = ()
    label: str = ""
    image: str = ""
    targets: tuple[str, ...] = ()
    path: str = "{}"
    split: str = ""
    task: str | None = None
    size: tuple[int, int] | None = None
    channels: int | None = None
    most_skipped: str | None = None
    show: Path | None = None
    dialect: Dialect = field(default_factory=Dialect)

    @property
    def is_sample(self) -> bool:
        """Whether nothing of the user's own was named."""
        return self.folder is None and not self.files

    @property
    def kept_together(self) -> str:
        """What decides the split of an image."""
        if not self.group:
            return "the image"
        return f"column {self.group!r}" if self.files else f"{self.group!r} in the path"

    def collection(self, scratch: Path) -> "Collection":
        """The images, to be read.

        Args:
            scratch: A folder for the files of the sample.

        Raises:
            UserError: They are not laid out as they should be, or the sample is not installed.
        """
        from .arrays import SUFFIX, Arrays
        from .collection import in_arrays, in_folder, in_tables
        from .folders import Folder
        from .image_tables import Columns, Tables

        if not self.files:
            folder = self.folder or _write_digits(scratch / "digits")
            return in_folder(Folder(folder, self.label, self.group))
        if self.files[0].suffix.lower() == SUFFIX:
            return in_arrays(Arrays(self.files, targets=True))
        given = Columns(
            image=self.image,
            targets=list(self.targets),
            path=self.path,
            group=self.group,
            split=self.split,
            dialect=self.dialect,
        )
        return in_tables(Tables(self.files, given, targets=True))


def sample() -> Source:
    """Return the bundled sample: 1,797 handwritten digits of 8 by 8 pixels, from scikit-learn."""
    return Source("handwritten digits of scikit-learn", None)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the prepare command that say where images come from."""
    parser.add_argument(
        "--source",
        nargs="+",
        action="extend",
        metavar="DIR|GLOB",
        help="your images: a folder with a folder for each class, or folders train, validation and "
        "test that hold such folders; or tables of paths or of the bytes of images (.csv, .jsonl, "
        ".parquet and so on); or .npz files. Without it: scikit-learn's handwritten digits",
    )
    parser.add_argument(
        "--size",
        metavar="N|HxW",
        help="height and width of all images (default: data.height and data.width of the "
        "configuration; without those their own size, if all have the same and it is at most 64 by "
        "64; otherwise 64x64)",
    )
    parser.add_argument(
        "--channels",
        type=int,
        metavar="N",
        help="1 for grey, 3 for colour, 2 and 4 for these with transparency, or the number of "
        "bands (default: 1 if all images are grey, otherwise 3, or the bands that they have)",
    )
    parser.add_argument(
        "--label",
        default="",
        metavar="REGEX",
        help="find classes in the paths below the folder, rather than in the folders' names: "
        r"'^[^.]+' for photos/cat.17.jpg, 'of-(\w+)' for the part in brackets",
    )
    parser.add_argument(
        "--group",
        default="",
        metavar="REGEX|COLUMN",
        help="keep images in one split where this matches the same text in their paths below the "
        "class folders: '^[^/]+' for photos/cat/tom/1.jpg, '^[^_]+' for photos/cat/tom_1.jpg; of "
        "tables, where this column has the same value",
    )
    parser.add_argument(
        "--image", default="", metavar="COLUMN", help="of tables: paths, or the bytes of images"
    )
    parser.add_argument(
        "--path",
        default="{}",
        metavar="PATTERN",
        help="of tables: what makes a path from the table's folder of a text in that column, such "
        "as 'train/{}.jpg' (default: the text itself)",
    )
    parser.add_argument(
        "--target",
        nargs="+",
        action="extend",
        default=[],
        metavar="COLUMN",
        help="of tables: what to predict; several columns of truth values or numbers",
    )
    parser.add_argument(
        "--split", default="", metavar="COLUMN", help="of tables: train, validation or test"
    )
    parser.add_argument(
        "--kind",
        choices=TASKS,
        help="what the targets are (default: texts and few whole numbers are classes, several "
        "truth values are labels, other numbers are predicted as such)",
    )
    parser.add_argument(
        "--on-error",
        choices=("refuse", "skip"),
        default="refuse",
        help="what to do about damaged images (default: refuse); those that are skipped are listed "
        "beside the data set, in a file DIR.skipped.csv",
    )
    parser.add_argument(
        "--max-errors",
        metavar="N|N%",
        help="how many, or what share of the images, may be skipped (default: 5%%)",
    )
    parser.add_argument(
        "--show",
        type=Path,
        metavar="FILE",
        help="also draw training examples as they are changed at random: a .png; without --source, "
        "of the data set that stands there",
    )
    dialect.add_arguments(parser)


def from_arguments(arguments: argparse.Namespace) -> Source:
    """Return what ``add_arguments`` describes.

    Raises:
        UserError: There is no such folder or file, or an option does not go with it.
    """
    from .collection import find_source
    from .reporting.records import check_output

    check_output(arguments.show, ".png")
    folder, files = find_source(arguments.source or [])
    tables = bool(files) and files[0].suffix.lower() != ".npz"
    for option in _OF_TABLES:
        if getattr(arguments, option) not in ("", [], "{}") and not tables:
            raise UserError(f"--{option} is for tables, named by --source")
    if arguments.group and not (folder or tables):
        raise UserError("--group needs images of your own, named by --source")
    if arguments.label and not folder:
        raise UserError("--label is for a folder of images, named by --source")
    if arguments.path != "{}" and "{}" not in arguments.path:
        raise UserError(f"--path {arguments.path} lacks {{}}, where the text of the column goes")
    for option in ("label", "group"):
        _check_regex(option, getattr(arguments, option) if folder else "")
    if arguments.max_errors and arguments.on_error == "refuse":
        raise UserError("--max-errors goes with --on-error skip")
    limit = arguments.max_errors or "5%"
    if not re.fullmatch(r"\d+|\d+(\.\d+)?%", limit):
        raise UserError(f"--max-errors {limit}: give a number, or a share such as 5%")
    if arguments.channels is not None and arguments.channels < 1:
        raise UserError(f"--channels {arguments.channels}: give 1 or more")
    return Source(
        name=" ".join(arguments.source) if arguments.source else sample().name,
        folder=folder,
        group=arguments.group,
        files=files,
        label=arguments.label,
        image=arguments.image,
        targets=tuple(arguments.target),
        path=arguments.path,
        split=arguments.split,
        task=arguments.kind,
        size=_size(arguments.size) if arguments.size else None,
        channels=arguments.channels,
        most_skipped=limit if arguments.on_error == "skip" else None,
        show=arguments.show,
        dialect=dialect.from_arguments(arguments),
    )


def _check_regex(option: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise UserError(f"--{option} {pattern} is no regular expression: {error}") from error


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d{0,5})(?:x([1-9]\d{0,5}))?", text.lower())
    if not found:
        raise UserError(f"--size {text}: give one number, or height and width such as 64x96")
    height, width = found.groups()
    return int(height), int(width or height)


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
