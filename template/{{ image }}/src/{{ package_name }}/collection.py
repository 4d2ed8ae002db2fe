"""Where images lie: which files are meant, and how they are read."""

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from .arrays import SUFFIX, Arrays
from .errors import UserError
from .folders import Folder, Item, find
from .image_tables import Columns, Tables
from .packing import PACKED, SUFFIXES
from .schema import ImageSchema
from .storage.matching import matching_files

_FILES = (SUFFIX, *SUFFIXES, *PACKED, ".zip")


class Collection(NamedTuple):
    """Images that can be read any number of times.

    Attributes:
        items: All of them in their order.
        targets: Names of what is to be predicted.
        said: How they are read, in lines for a reader.
        columns: Where they stand in tables.
        passed_over: Other files beside them, by how their names end.
    """

    items: Callable[[], Iterator[Item]]
    targets: list[str]
    said: list[str]
    columns: Columns | None = None
    passed_over: Counter[str] | None = None


def in_folder(folder: Folder) -> Collection:
    """The images in folders."""
    passed_over: Counter[str] = Counter()

    def items() -> Iterator[Item]:
        passed_over.clear()
        return folder.items(passed_over)

    return Collection(items, ["class"], [], passed_over=passed_over)


def in_tables(tables: Tables) -> Collection:
    """The images that tables list."""
    return Collection(tables.items, tables.columns.targets, tables.said, tables.columns)


def in_arrays(arrays: Arrays) -> Collection:
    """The images in arrays."""
    return Collection(arrays.items, ["target"], arrays.said)


def find_source(patterns: Sequence[str]) -> tuple[Path | None, tuple[Path, ...]]:
    """The folder that is meant, or the tables or files of arrays.

    Raises:
        UserError: There are no such files, or they are of several kinds.
    """
    if not patterns:
        return None, ()
    folder = Path(patterns[0]).expanduser()
    if len(patterns) == 1 and folder.is_dir():
        return folder, ()
    files = matching_files(patterns, "*.parquet")
    kinds = {path.suffix.lower() == SUFFIX for path in files}
    for path in files:
        if path.suffix.lower() not in _FILES:
            raise UserError(
                f"--source {path}: give a folder with a folder for each class, or a table that "
                "lists images and their classes"
            )
    if len(kinds) > 1:
        raise UserError(f"--source {' '.join(patterns)}: give tables or arrays, not both")
    return None, files


def to_predict(patterns: Sequence[str], schema: ImageSchema) -> Iterator[Item]:
    """Images by themselves: files, patterns, folders however deep, tables and arrays.

    Raises:
        UserError: A pattern matches nothing, or a file cannot be read.
    """
    files = [path for pattern in patterns for path in _tables_and_arrays(pattern)]
    others = [pattern for pattern in patterns if not _tables_and_arrays(pattern)]
    for path in files:
        yield from _of_files((path,), schema, targets=False)
    yield from (Item(name, Path(name)) for name in (find(others) if others else ()))


def with_targets(source: str, schema: ImageSchema) -> Iterator[Item]:
    """Images with their targets, read as those that the data set was prepared from.

    Raises:
        UserError: They are not laid out as they should be.
    """
    if files := _tables_and_arrays(source):
        yield from _of_files(files, schema, targets=True)
        return
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise UserError(f"--source {folder} is no folder; with classes to compare to, give one")
    for item in Folder(folder, schema.label).items():
        if item.split:
            raise UserError(
                f"--source {folder} holds several splits: give one, such as {folder}/test"
            )
        yield item


def _of_files(files: Sequence[Path], schema: ImageSchema, *, targets: bool) -> Iterator[Item]:
    if files[0].suffix.lower() == SUFFIX:
        return Arrays(files, targets=targets).items(targets=targets)
    given = schema.columns or Columns()
    given = given.model_copy(update={"group": "", "split": ""})
    return Tables(files, given, targets=targets).items(targets=targets)


def _tables_and_arrays(pattern: str) -> tuple[Path, ...]:
    """The files that a pattern matches, if they are tables or arrays."""
    expanded = os.path.expanduser(pattern)
    names = [expanded] if os.path.exists(expanded) else glob.glob(expanded, recursive=True)
    found = tuple(Path(name) for name in sorted(names) if name.lower().endswith(_FILES))
    return found if len(found) == len(names) else ()
