"""Tables that list images: paths or the bytes of files, with what is to be predicted."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from pydantic import Field

from .dialect import Dialect
from .errors import UserError
from .folders import SUFFIXES, Item
from .packing import form_of
from .settings import Settings
from .storage.splitting import SPLITS
from .tables import Rows, Understood, read_tables, understand

_ROWS = 64  # whose bytes are in memory at a time
_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


class Columns(Settings):
    """What the columns of a table are.

    Attributes:
        image: Where paths or the bytes of image files stand.
        targets: What is to be predicted.
        path: What makes a path of a text in the column `image`, by putting that into ``{}``; it
            starts from the table's folder.
        group: A column; images with the same value in it stay in one split.
        split: A column that says which split each image is in.
        names: Of classes that a column of whole numbers stands for, as Hugging Face notes them.
        dialect: How the cells are written.
    """

    image: str = ""
    targets: list[str] = Field(default_factory=list)
    path: str = "{}"
    group: str = ""
    split: str = ""
    names: list[str] = Field(default_factory=list)
    dialect: Dialect = Field(default_factory=Dialect)


class Tables:
    """Table files, all with the same columns.

    Attributes:
        columns: What their columns are, of which what the user left open was found.
        said: How they are read, in lines for a reader.
    """

    def __init__(self, files: Sequence[Path], given: Columns, *, targets: bool) -> None:
        """Find out how the files are written and which columns hold what.

        Args:
            files: The files.
            given: What is known of the columns.
            targets: Whether there must be something to predict.

        Raises:
            UserError: A file cannot be read, or it is not certain what a column holds.
        """
        self._files = files
        understood = understand(files, lambda _: None, given.dialect)
        self._types = understood.types
        found = _find(files, given, understood, targets)
        understood.check([*found.targets, *filter(None, (found.group, found.split))])
        names = _class_names(files[0], found.targets[0]) if len(found.targets) == 1 else []
        known = {"names": given.names or names, "dialect": understood.dialect}
        self.columns = found.model_copy(update=known)
        predicted = f"; {', '.join(found.targets)} is predicted" if found.targets else ""
        self.said = [*understood.files, f"images are in the column {found.image}{predicted}"]

    def items(self, *, targets: bool = True) -> Iterator[Item]:
        """The images, row by row.

        Raises:
            UserError: A table cannot be read, a path is missing, or a split has another name.
        """
        columns = self.columns
        wanted = [*columns.targets] if targets else []
        extra = [name for name in (columns.group, columns.split) if name and targets]
        as_bytes = _holds_bytes(self._types[columns.image])
        names = [*wanted, *extra] if as_bytes else [columns.image, *wanted, *extra]
        types = {name: self._types[name] for name in names}
        types |= dict.fromkeys([*extra, *names[: not as_bytes]], pa.string())
        for path in self._files:
            contents = _bytes(path, columns.image) if as_bytes else None
            if not types:
                yield from (Item(*each) for each in contents or ())
                continue
            for rows in read_tables([path], types, lambda _: None, columns.dialect):
                yield from self._rows(rows, contents, wanted)

    def _rows(
        self, rows: Rows, contents: Iterator[tuple[str, bytes]] | None, wanted: list[str]
    ) -> Iterator[Item]:
        columns = self.columns
        for number, row in enumerate(rows.batch.to_pylist(), rows.first):
            where = f"{rows.path} row {number}"
            content: Path | bytes
            if contents is not None:
                _, content = next(contents)
            elif row[columns.image] is None:
                raise UserError(f"{where}, column {columns.image!r}: there is no path")
            else:
                content = rows.path.parent / columns.path.replace("{}", row[columns.image])
                where = str(content)
            values = tuple(self._named(row[name]) for name in wanted)
            group = row.get(columns.group) if columns.group else None
            kept = b"" if group is None else hashlib.sha256(group.encode()).digest()
            yield Item(where, content, values, self._split(row, where), kept)

    def _named(self, value: Any) -> Any:
        """A value, where it numbers classes with names as the name; None where it numbers none."""
        names = self.columns.names
        if not names or value is None:
            return value
        if isinstance(value, list):
            return [names[each] for each in value]
        return names[value] if 0 <= value < len(names) else None

    def _split(self, row: dict[str, Any], where: str) -> str | None:
        if self.columns.split not in row:
            return None
        said = row[self.columns.split]
        split = _SPLITS.get(str(said).lower())
        if split is None:
            raise UserError(f"{where}: {said!r} is none of the splits {', '.join(SPLITS)}")
        return split


def _find(files: Sequence[Path], given: Columns, understood: Understood, targets: bool) -> Columns:
    """The columns, of which what is not given follows from what they hold."""
    types, listed = understood.types, ", ".join(understood.types)
    images = [name for name in (given.image, f"{given.image}.bytes") if name in types]
    if not given.image:
        images = [name for name, dtype in types.items() if _holds_bytes(dtype)]
        images = images or [name for name in types if _holds_paths(files[0], name, understood)]
    if len(images) != 1:
        raise UserError(
            f"{files[0]}: give --image with the column that holds paths of images or their bytes; "
            f"its columns: {listed}"
        )
    beside = {f"{images[0].removesuffix('.bytes')}.path", given.group, given.split, *images}
    left = [name for name in types if name not in beside]
    found = (given.targets or (left if len(left) == 1 else [])) if targets else []
    if targets and not found:
        raise UserError(
            f"{files[0]}: give --target with the columns to predict; its columns: {listed}"
        )
    for name in filter(None, [*found, given.group, given.split]):
        if name not in types:
            raise UserError(f"{files[0]} has no column {name!r}; its columns: {listed}")
    return given.model_copy(update={"image": images[0], "targets": found})


def _holds_bytes(dtype: pa.DataType) -> bool:
    return dtype in (pa.binary(), pa.large_binary(), pa.binary_view())


def _holds_paths(path: Path, name: str, understood: Understood) -> bool:
    """Whether the first texts of a column end like names of image files."""
    if understood.types[name] != pa.string():
        return False
    rows = next(read_tables([path], {name: pa.string()}, lambda _: None, understood.dialect), None)
    texts = [] if rows is None else rows.batch.column(0)[:100].drop_null().to_pylist()
    return bool(texts) and all(text.lower().endswith(SUFFIXES) for text in texts)


def _bytes(path: Path, column: str) -> Iterator[tuple[str, bytes]]:
    """The bytes of the image files in a column, with what names each row."""
    if form_of(path).suffix != ".parquet":
        raise UserError(f"{path}: the bytes of images are read from .parquet files alone")
    with parquet.ParquetFile(path, pre_buffer=False) as file:
        number = 0
        for batch in file.iter_batches(_ROWS, columns=[column]):
            (values,) = batch.columns
            if pa.types.is_struct(values.type):
                values = values.field("bytes")
            for value in values:
                number += 1
                where = f"{path} row {number}"
                if not value.is_valid:
                    raise UserError(f"{where}, column {column!r}: there is no image")
                yield where, value.as_py()


def _class_names(path: Path, column: str) -> list[str]:
    """The names of classes that Hugging Face's `datasets` notes in a file for a column."""
    if form_of(path).suffix != ".parquet":
        return []
    noted = (parquet.read_schema(path).metadata or {}).get(b"huggingface", b"{}")
    try:
        feature = json.loads(noted)["info"]["features"][column]
        return [str(name) for name in feature.get("names") or feature["feature"]["names"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
