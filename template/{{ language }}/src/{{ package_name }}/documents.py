"""Documents from files, whatever their form.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import codecs
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .errors import UserError
from .storage.reading import pyarrow_for, reading

TABLES = (".parquet", ".arrow")
SUFFIXES = tuple(
    suffix + packed for suffix in (".txt", ".md", ".jsonl") for packed in ("", ".gz", ".zst")
)
"""Ends of the names of files that are read from a folder, beside `TABLES`."""

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

Located = Iterator[tuple[str, str]]


def read_documents(path: Path, field: str, advance: Callable[[int], object]) -> Located:
    """Read the documents of a file.

    Args:
        path: The file.
        field: The field of a line of JSON, or the column of a table, that holds the text.
        advance: Told, now and then, how many more bytes were read from disk.

    Yields:
        Where a document stands (the file, with the line or row if it holds several), and its text.

    Raises:
        UserError: It cannot be read, or holds something else; the message says where.
    """
    if path.suffix in TABLES:
        yield from _rows(path, field, advance)
        return
    told, lines = 0, any(suffix == ".jsonl" for suffix in path.suffixes[-2:])
    with reading(path) as (content, raw):
        for where, text in _lines(path, content, field) if lines else _whole(path, content):
            advance(raw.tell() - told)
            told = raw.tell()
            yield where, text


def _whole(path: Path, content: io.BufferedIOBase) -> Located:
    data = content.read()
    # A byte order mark says what a text is encoded in, and is no part of it.
    encoding = "utf-16" if data.startswith(_WIDE) else "utf-8-sig"
    try:
        yield str(path), data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _undecodable(f"{path}:{line}", error) from error


def _lines(path: Path, content: Any, field: str) -> Located:
    lines = _wide_lines(content) if content.peek(2).startswith(_WIDE) else content
    number = 0
    try:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                text = line if isinstance(line, str) else line.decode("utf-8-sig")
                yield f"{path}:{number}", _text_of(text, field, f"{path}:{number}")
    except UnicodeDecodeError as error:
        raise _undecodable(f"{path}:{max(number, 1)}", error) from error


def _wide_lines(content: Any) -> Iterator[str]:
    with io.TextIOWrapper(content, "utf-16", newline="\n") as lines:
        yield from lines


def _text_of(line: str, field: str, where: str) -> str:
    try:
        record = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{where} is no JSON: {error}") from error
    if not isinstance(record, dict):
        raise UserError(f"{where} holds no JSON object with a field {field!r}")
    if field not in record:
        there = ", ".join(record) or "none"
        raise UserError(f"{where} has no field {field!r}; its fields: {there} (see --field)")
    return _checked(record[field], field, where)


def _rows(path: Path, field: str, advance: Callable[[int], object]) -> Located:
    pyarrow, parquet = pyarrow_for(path), pyarrow_for(path, "pyarrow.parquet")
    try:
        if path.suffix == ".parquet":
            file = parquet.ParquetFile(path)
            names, batches = file.schema_arrow.names, file.iter_batches(columns=[field])
        else:
            mapped = pyarrow.memory_map(str(path))
            try:
                file = pyarrow.ipc.open_file(mapped)
                batches = map(file.get_batch, range(file.num_record_batches))
            except pyarrow.ArrowInvalid:  # the other of Arrow's two forms, which has no index
                mapped.seek(0)
                batches = file = pyarrow.ipc.open_stream(mapped)
            names = file.schema.names
        if field not in names:
            there = ", ".join(names) or "none"
            raise UserError(f"{path} has no column {field!r}; its columns: {there} (see --column)")
        rows = (text for batch in batches for text in batch[field].to_pylist())
        for number, text in enumerate(rows, start=1):
            yield f"{path}:{number}", _checked(text, field, f"{path}:{number}")
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path} is no intact {path.suffix} file: {error}") from error
    advance(path.stat().st_size)


def _checked(text: object, field: str, where: str) -> str:
    if not isinstance(text, str):
        raise UserError(f"{where}: field {field!r} is no text but {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{where}: field {field!r} holds half a surrogate pair") from error
    return text


def _undecodable(where: str, error: UnicodeDecodeError) -> UserError:
    return UserError(
        f"{where} is not UTF-8 (byte 0x{error.object[error.start]:02x} at offset {error.start}): "
        "convert it to UTF-8 or leave it out"
    )
