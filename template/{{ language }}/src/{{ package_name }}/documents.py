"""Documents from files, whatever their form.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, no_type_check

from .errors import UserError
from .storage.decoding import DecodedText, lines_of
from .storage.json_text import MISSING, FieldText, look_up
from .storage.reading import PACKED, inner_name, pyarrow_for, reading

TABLES = (".parquet", ".arrow", ".feather")
LINES = (".jsonl", ".ndjson")
SUFFIXES = tuple(suffix + packed for suffix in (".txt", ".md", *LINES) for packed in ("", *PACKED))
"""Ends of the names of files that are read from a folder, beside `TABLES`."""

LONG_LINE = 4 * 2**20  # characters; more are not parsed at a time
_BATCH_BYTES = 4 * 2**20  # of a table at a time
_TRIED = 1000  # rows of a file that may lack the field before one has it

Advance = Callable[[int], object]
Document = tuple[str, Iterable[str]]
"""Where it stands (the file, with the line or row if it holds several), and its text in parts."""


@dataclass(frozen=True)
class Reading:
    """How texts are read from files.

    Attributes:
        field: The field of a line of JSON, or the column of a table, that holds the text; ``a.b``
            is the field ``b`` in the object ``a``.
        encoding: Of text files without a byte order mark; empty for UTF-8.
    """

    field: str = "text"
    encoding: str = ""


@dataclass
class Found:
    """What was found while files were read.

    Attributes:
        files: How many were read in each way.
        without_text: Lines and rows whose field is null or not there.
    """

    files: Counter[str] = field(default_factory=Counter)
    without_text: int = 0


def read_documents(path: Path, how: Reading, advance: Advance, found: Found) -> Iterator[Document]:
    """Read the documents of a file.

    Args:
        path: The file.
        how: How its texts are read.
        advance: Told, now and then, how many more bytes were read from disk.
        found: Told what the file is.

    Yields:
        Each document, whose parts are to be read before the next.

    Raises:
        UserError: It cannot be read, or holds something else; the message says where.
    """
    if path.suffix.lower() in TABLES:
        yield from _rows(path, how.field, advance, found)
        return
    lines = inner_name(path).endswith(LINES)
    with reading(path) as (content, raw):
        text = DecodedText(path, content, how.encoding)
        packed = path.suffix.lower() if path.suffix.lower() in PACKED else ""
        way = f"JSON lines, field {how.field!r}" if lines else "text"
        packing = f", packed as {packed}" if packed else ""
        found.files[f"{way}, {text.encoding.upper()}{packing}"] += 1
        blocks = _telling(text.blocks(), raw, advance)
        if lines:
            yield from _lines(path, lines_of(blocks, LONG_LINE), how.field, found)
        else:
            yield str(path), blocks
            for _ in blocks:
                pass  # what is left tells whether the file is intact


@no_type_check  # it would be prepared for checks anew for each of many small files
def _telling(blocks: Iterator[str], raw: Any, advance: Advance) -> Iterator[str]:
    """The same blocks, with a word on how many bytes of the file they took."""
    told = 0
    for block in blocks:
        yield block
        advance(raw.tell() - told)
        told = raw.tell()
    advance(os.fstat(raw.fileno()).st_size - told)


def _lines(
    path: Path, lines: Iterator[str | Iterator[str]], name: str, found: Found
) -> Iterator[Document]:
    fields = _Fields(path, name, "--field", found)
    for number, line in enumerate(lines, start=1):
        where = f"{path}:{number}"
        if not isinstance(line, str):
            text = FieldText(line, name)
            parts = _parts(text, name, where)
            first = next(parts, None)
            if fields.note(where, text.fields, there=text.found, known=text.known):
                yield where, chain([first or ""], parts)
        elif line.strip():
            record = _parsed(line, name, where)
            value = look_up(record, name)
            known = value is not MISSING
            if fields.note(where, record, there=known and value is not None, known=known):
                yield where, (_checked(value, name, where),)
    fields.check()


class _Fields:
    """Keeps count of rows without a text, and refuses a file none of whose rows has the field."""

    def __init__(self, path: Path, name: str, option: str, found: Found) -> None:
        self._path, self._name, self._option, self._found = path, name, option, found
        self._lacking, self._first, self._known = 0, "", False

    @no_type_check  # it takes longer than the work, which is done for each of many small lines
    def note(self, where: str, record: Iterable[str], *, there: bool, known: bool) -> bool:
        """Take in a row; returns whether it has a text."""
        if there:
            self._known = True
            return True
        self._found.without_text += 1
        self._known |= known
        if not self._known:
            fields = ", ".join(record) or "none"
            self._first = self._first or (
                f"{where} has no field {self._name!r}; its fields: {fields} (see {self._option})"
            )
            self._lacking += 1
            if self._lacking == _TRIED:
                self.check()
        return False

    def check(self) -> None:
        """Complain if no row has had the field."""
        if self._first and not self._known:
            raise UserError(self._first)


@no_type_check  # likewise
def _parsed(line: str, name: str, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{where} is no JSON: {error}") from error
    if not isinstance(record, dict):
        raise UserError(f"{where} holds no JSON object with a field {name!r}")
    return record


def _parts(text: FieldText, name: str, where: str) -> Iterator[str]:
    try:
        for part in text:
            yield _checked(part, name, where)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is no JSON: {error}") from error
    except TypeError as error:
        raise UserError(f"{where}: field {name!r} {error}") from error


def _rows(path: Path, name: str, advance: Advance, found: Found) -> Iterator[Document]:
    pyarrow = pyarrow_for(path)
    try:
        form, columns, batches = _opened(path, name, pyarrow)
        found.files[f"{form}, column {name!r}"] += 1
        if name not in columns:
            there = ", ".join(columns) or "none"
            raise UserError(f"{path} has no column {name!r}; its columns: {there} (see --column)")
        number = told = 0
        for batch, done in batches:
            for value in _column(batch, name, path).to_pylist():
                number += 1
                if value is None:
                    found.without_text += 1
                else:
                    yield f"{path}:{number}", (_checked(value, name, f"{path}:{number}"),)
            here = int(path.stat().st_size * done)
            advance(here - told)
            told = here
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path} is no intact {path.suffix} file: {error}") from error
    advance(path.stat().st_size - told)


def _opened(path: Path, name: str, pyarrow: Any) -> tuple[str, list[str], Iterator[Any]]:
    """What the file is, its columns (those inside of others as ``a.b``), and its batches."""
    if path.suffix.lower() == ".parquet":
        file: Any = pyarrow_for(path, "pyarrow.parquet").ParquetFile(path, buffer_size=2**20)
        return "Parquet", _names(file.schema_arrow), _parquet_batches(file, name)
    ipc, mapped = pyarrow_for(path, "pyarrow.ipc"), pyarrow.memory_map(str(path))
    try:
        file = ipc.open_file(mapped)
        batches = map(file.get_batch, range(file.num_record_batches))
    except pyarrow.ArrowInvalid:  # the other of Arrow's two forms, which has no index
        mapped.seek(0)
        batches = file = ipc.open_stream(mapped)
    size = path.stat().st_size
    parts = ((part, mapped.tell() / size) for batch in batches for part in _sliced(batch))
    return "Arrow", _names(file.schema), parts


def _parquet_batches(file: Any, name: str) -> Iterator[tuple[Any, float]]:
    groups = [file.metadata.row_group(at) for at in range(file.num_row_groups)]
    widest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    rows, done = max(_BATCH_BYTES // max(widest, 64), 1), 0
    for batch in file.iter_batches(rows, columns=[name]):
        done += batch.num_rows
        yield batch, done / file.metadata.num_rows


def _sliced(batch: Any) -> Iterator[Any]:
    rows = max(batch.num_rows * _BATCH_BYTES // max(batch.nbytes, 1), 1)
    yield from (batch.slice(start, rows) for start in range(0, batch.num_rows, rows))


def _names(fields: Iterable[Any]) -> list[str]:
    names = []
    for each in fields:
        names.append(each.name)
        if each.type.num_fields and hasattr(each.type, "get_field_index"):
            inner = map(each.type.field, range(each.type.num_fields))
            names += [f"{each.name}.{name}" for name in _names(inner)]
    return names


def _column(batch: Any, name: str, path: Path) -> Any:
    """A column of a batch, or of a column of structures."""
    if name in batch.schema.names:
        return batch.column(name)
    outer = next(each for each in batch.schema.names if name.startswith(f"{each}."))
    return pyarrow_for(path, "pyarrow.compute").struct_field(
        batch.column(outer), name.removeprefix(f"{outer}.").split(".")
    )


@no_type_check  # likewise
def _checked(value: object, name: str, where: str) -> str:
    try:
        text = value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: field {name!r} holds bytes that are not UTF-8") from error
    if not isinstance(text, str):
        raise UserError(f"{where}: field {name!r} is no text but {type(value).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{where}: field {name!r} holds half a surrogate pair") from error
    return text
