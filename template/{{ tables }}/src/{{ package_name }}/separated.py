"""Text whose cells are separated by a character: CSV and its kin."""

import contextlib
import csv as plain
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv

from .dialect import Dialect
from .errors import UserError
from .packing import Form, encoding_of, unpacked
from .table_file import TableFile

BLOCK_BYTES = 4 * 2**20  # at a time; a row must fit
_SNIFFED = 2**16  # bytes that tell the encoding and the delimiter
_DELIMITERS = ",;\t|"


@contextlib.contextmanager
def open_separated(path: Path, form: Form, dialect: Dialect) -> Iterator[TableFile]:
    """Open a file; its cells are bytes of UTF-8, so that what is no text can be named.

    Raises:
        UserError: A row has too many cells or too few, or is never finished, or it is not certain
            what separates cells.
    """
    with unpacked(path, form) as (content, _):
        head = content.read(_SNIFFED)
    encoding = encoding_of(path, head, dialect)
    delimiter = _delimiter(path, head.decode(encoding, "replace"), form, dialect)
    ragged: list[Any] = []

    def refuse(row: Any) -> str:
        ragged.append(row)
        return "error"

    def reader(content: pa.NativeFile, types: dict[str, pa.DataType]) -> csv.CSVStreamingReader:
        return csv.open_csv(
            content,
            # On one thread it knows the numbers of rows.
            read_options=csv.ReadOptions(
                use_threads=False, block_size=BLOCK_BYTES, encoding=encoding
            ),
            parse_options=csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse
            ),
            convert_options=csv.ConvertOptions(column_types=types),
        )

    try:
        with unpacked(path, form) as (content, _):
            names = reader(content, {}).schema.names
        with unpacked(path, form) as (content, position):
            opened = reader(content, dict.fromkeys(names, pa.binary()))
            said = f"cells separated by {delimiter!r}, {encoding.upper()}"
            schema = pa.schema([(name, pa.string()) for name in names])
            yield TableFile(schema, lambda _: _closed(path, opened), position, said)
    except pa.ArrowInvalid as error:
        if ragged:
            row = ragged[0]
            raise UserError(
                f"{path} row {row.number - 1} has {row.actual_columns} cells instead of "
                f"{row.expected_columns}"
            ) from error
        if "straddles" in str(error):
            limit = BLOCK_BYTES // 2**20
            raise UserError(
                f"{path} has a row of more than {limit} MiB: is a quotation mark left open?"
            ) from error
        raise


def _delimiter(path: Path, head: str, form: Form, dialect: Dialect) -> str:
    usual = "\t" if form.suffix == ".tsv" else ","
    if dialect.delimiter:
        return dialect.delimiter
    if len(head) >= _SNIFFED // 4 and "\n" in head:
        head = head[: head.rindex("\n")]  # the last line may be cut
    rows = {
        mark: list(plain.reader(io.StringIO(head, newline=""), delimiter=mark))
        for mark in _DELIMITERS
    }
    # What the names of columns are separated by; where several could be, all rows must agree.
    found = [mark for mark in rows if len(next(filter(None, rows[mark]), ())) > 1]
    if usual == "\t" and usual in found:
        return usual
    if len(found) > 1:
        even = [mark for mark in found if len({len(row) for row in rows[mark] if row}) == 1]
        found = even or [usual]
    if len(found) > 1:
        listed = " or ".join(map(repr, found))
        raise UserError(f"{path}: cells may be separated by {listed}: give --delimiter")
    return found[0] if found else usual


def _closed(path: Path, reader: csv.CSVStreamingReader) -> Iterator[pa.RecordBatch]:
    ending = b""
    for batch in reader:
        if batch.num_rows:
            ending = batch.columns[-1][-1].as_py()
        yield batch
    # A quotation mark left open swallows the rest of the file, its last line break included.
    if ending.endswith(b"\n"):
        raise UserError(f"{path}: a quotation mark opened in the last row is never closed")
