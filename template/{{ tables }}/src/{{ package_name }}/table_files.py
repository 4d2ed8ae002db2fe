"""Files that hold a table, whatever their form: their columns, and their rows batch by batch.

CSV, JSON lines, Parquet and Arrow files are read as a stream, so they may be larger than the memory;
a sheet of a spreadsheet is read at once.
"""

import codecs
import contextlib
import csv as plain_csv
import datetime
import importlib
import io
import itertools
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import csv, ipc, parquet

from .dialect import Dialect
from .errors import UserError

SEPARATED = {".csv": ",", ".tsv": "\t", ".txt": ","}
LINES = (".jsonl", ".ndjson")
SHEETS = (".xlsx", ".xlsm", ".xls", ".ods")
WHOLE = (".parquet", ".arrow", ".feather", *SHEETS)  # not to be read as a stream
SUFFIXES = (*SEPARATED, *LINES, *WHOLE)
PACKED = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}

BLOCK_BYTES = 4 * 2**20  # of text at a time; a row must fit
BATCH_ROWS = 2**16  # of a Parquet file at a time
_SNIFFED = 2**16  # bytes that tell the encoding and what separates cells
_DELIMITERS = ",;\t|"
_MARKS = (
    (codecs.BOM_UTF8, ""),  # pyarrow passes over it
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

Advance = Callable[[int], object]
Batches = Iterator[pa.RecordBatch]


class Form(NamedTuple):
    """What kind of file it is.

    Attributes:
        suffix: One of `SUFFIXES`.
        packed: The suffix of what it is packed in, or nothing.
        member: The only file in a zip archive.
    """

    suffix: str
    packed: str = ""
    member: str = ""

    @property
    def states_types(self) -> bool:
        """Whether the types of its columns are part of it, and not to be found in its texts."""
        return self.suffix in (".parquet", ".arrow", ".feather")


def form_of(path: Path) -> Form:
    """What kind of file it is, by its name.

    Raises:
        UserError: It is none that can be read.
    """
    name, packed, member = path.name.lower(), "", ""
    if name.endswith(".zip"):
        packed, member = ".zip", _only_member(path)
        name = member.lower()
    elif name.endswith(tuple(PACKED)):
        name, _, ending = name.rpartition(".")
        packed = f".{ending}"
    suffix = next((suffix for suffix in SUFFIXES if name.endswith(suffix)), "")
    if not suffix:
        listed = ", ".join(SUFFIXES)
        raise UserError(
            f"{path} is no table that can be read: give {listed}; text also as .gz, .zst or .zip"
        )
    if packed and suffix in WHOLE:
        raise UserError(f"{path}: {suffix} files cannot be read while they are packed: unpack it")
    return Form(suffix, packed, member)


def schema(path: Path, dialect: Dialect) -> pa.Schema:
    """The columns of a file, with the types that it states; those of texts count for nothing.

    Raises:
        UserError: The file cannot be read, or a column has no name or that of another. A first
            column without a name is an index, and left out.
    """
    form = form_of(path)
    with reporting(path, dialect):
        if form.suffix in SEPARATED:
            with _open_csv(path, dialect, {}) as (reader, _):
                found = reader.schema
        elif form.suffix == ".parquet":
            found = _flat(parquet.read_schema(path))
        elif form.states_types:
            with _open_arrow(path) as (found, _):
                found = _flat(found)
        else:
            found = next(_objects(path, dialect, lambda _: None)).schema
    _check_names(path, found.names)
    return pa.schema(list(found)[_has_index(found.names) :])


def batches(path: Path, dialect: Dialect, names: list[str], advance: Advance) -> Batches:
    """Some columns of a file; those of CSV as bytes, so that what is no text can be named.

    Raises:
        UserError: The file cannot be read; the message says where.
    """
    form = form_of(path)
    with reporting(path, dialect):
        if form.suffix in SEPARATED:
            found = _csv(path, dialect, advance)
        elif form.suffix == ".parquet":
            found = _parquet(path, names, advance)
        elif form.states_types:
            found = _arrow(path, advance)
        else:
            found = _objects(path, dialect, advance)
        for batch in found:
            yield batch.select(names)


def described(path: Path, dialect: Dialect) -> str:
    """How a file is read, for a reader."""
    form = form_of(path)
    packed = f", packed as {form.packed}" if form.packed else ""
    if form.suffix not in SEPARATED:
        return form.suffix.removeprefix(".") + packed
    with reporting(path, dialect), _open_csv(path, dialect, {}) as (reader, _):
        names = reader.schema.names
    with _unpacked(path) as (content, _):
        head = content.read(_SNIFFED)
    encoding = _encoding(path, head, dialect)
    delimiter = _delimiter(path, head, encoding, dialect)
    index = "; the first column, without a name, is an index and ignored"
    return (
        f"cells separated by {delimiter!r}, {encoding.upper()}{packed}"
        f"{index if _has_index(names) else ''}"
    )


@contextlib.contextmanager
def reporting(path: Path, dialect: Dialect) -> Iterator[None]:
    """Turn what the libraries raise about a file into a UserError."""
    try:
        yield
    except UnicodeDecodeError as error:
        if error.encoding != "utf-8" or dialect.encoding:
            raise UserError(
                f"{path} is not {error.encoding.upper()}: byte {error.object[error.start]:#04x} "
                "stands for nothing there; give another --encoding"
            ) from error
        raise UserError(
            f"{path} has a column whose name is not UTF-8: give --encoding, such as cp1252"
        ) from error
    except zipfile.BadZipFile as error:
        raise UserError(f"{path} is no intact zip archive: {error}") from error
    except (pa.ArrowException, OSError, RuntimeError, EOFError, zlib_error) as error:
        if "Empty CSV file" in str(error):
            raise UserError(f"{path} holds no row") from error
        raise UserError(f"{path} cannot be read: {first_line(error)}") from error
