"""Tables from CSV and Parquet files, read batch by batch, with types that hold for all files.

What a column of CSV holds is decided by all of its cells in all files, never by the first ones
alone, so the same files have the same types however they are cut. Files of any size fit: memory
holds a few batches. Rows are counted from 1, a header not included.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import csv, parquet

from . import cells
from .errors import UserError
from .storage.matching import matching_files

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet")
_BLOCK_BYTES = 4 * 2**20  # of CSV text at a time; a row must fit
_BATCH_ROWS = 2**16  # of a Parquet file at a time

Advance = Callable[[int], object]


class Rows(NamedTuple):
    """Consecutive rows of one file.

    Attributes:
        path: The file.
        first: Number of the first of them in the file.
        batch: Their cells.
    """

    path: Path
    first: int
    batch: pa.RecordBatch


def find_tables(patterns: Sequence[str]) -> tuple[Path, ...]:
    """The files that match any of the patterns, each once, in a fixed order.

    Raises:
        UserError: A pattern matches no file, a folder, or a file that is no table.
    """
    files = matching_files(patterns, "*.csv")
    for path in files:
        if not path.name.lower().endswith(SUFFIXES):
            raise UserError(f"{path} is no table that can be read: give {', '.join(SUFFIXES)}")
    return files


def size_of(paths: Sequence[Path]) -> int:
    """Bytes of all files as they lie on disk."""
    return sum(path.stat().st_size for path in paths)


def columns_of(path: Path) -> dict[str, pa.DataType]:
    """The columns of one file, with the types that it states; those of CSV count for nothing.

    Raises:
        UserError: The file cannot be read, or a column has no name or that of another.
    """
    with _reporting(path):
        if _is_parquet(path):
            schema = parquet.read_schema(path)
        else:
            with _open_csv(path, {}) as (reader, _):
                schema = reader.schema
        names = schema.names
    for number, name in enumerate(names, start=1):
        if not name.strip():
            raise UserError(f"{path}: column {number} has no name")
        if names.index(name) < number - 1:
            raise UserError(f"{path} has two columns named {name!r}")
    if len(names) == 1 and (";" in names[0] or "\t" in names[0]):
        raise UserError(
            f"{path} has a single column {names[0]!r}: cells must be separated by commas in .csv "
            "files, by tabs in .tsv files"
        )
    return {field.name: cells.plain(field.type) for field in schema}


def schema_of(paths: Sequence[Path], advance: Advance) -> dict[str, pa.DataType]:
    """The columns that all files share, with a type that suits every cell.

    Types are int64, float64, bool, timestamp (microseconds, with or without UTC), string, null for
    a column without a single value, and whatever else a Parquet file holds (lists, say).

    Args:
        paths: CSV files, which are read through, and Parquet files, which state their types.
        advance: Told, now and then, how many more bytes were read from disk.

    Raises:
        UserError: A file cannot be read, or its columns are not those of the first.
    """
    types: dict[str, pa.DataType] = {}
    for path in paths:
        there = columns_of(path)
        if not types:
            types = dict.fromkeys(there, pa.null())
        for name in (*there, *types):
            if name not in types or name not in there:
                have, lack = (path, paths[0]) if name in there else (paths[0], path)
                raise UserError(f"{lack} lacks the column {name!r} that {have} has")
        if _is_parquet(path):
            found: Iterator[dict[str, pa.DataType]] = iter([there])
            advance(path.stat().st_size)
        else:
            texts = read_tables([path], dict.fromkeys(there, pa.string()), advance)
            found = (
                {name: cells.type_of(rows.batch.column(name)) for name in there} for rows in texts
            )
        for some in found:
            types = {name: cells.common(types[name], some[name]) for name in types}
    return types


def read_tables(
    paths: Sequence[Path], types: Mapping[str, pa.DataType], advance: Advance
) -> Iterator[Rows]:
    """Read columns of all files, converted to the given types.

    A text that spells a missing value (``cells.MISSING``) is null, and so is NaN.

    Args:
        paths: The files.
        types: The columns to read and the types to give them, in the order of the result; other
            columns are passed over.
        advance: Told, now and then, how many more bytes were read from disk.

    Raises:
        UserError: A file cannot be read, lacks a column, or has a cell that is not of its type.
    """
    for path in paths:
        there = columns_of(path)
        lacking = [repr(name) for name in types if name not in there]
        if lacking:
            columns = "column" if len(lacking) == 1 else "columns"
            listed = ", ".join(there)
            raise UserError(f"{path} has no {columns} {', '.join(lacking)}; it has: {listed}")
        first = 1
        stored = _parquet if _is_parquet(path) else _csv
        for batch in stored(path, list(types), advance):
            columns = [
                _converted(path, first, name, column, types[name])
                for name, column in zip(types, batch.columns, strict=True)
            ]
            yield Rows(path, first, pa.RecordBatch.from_arrays(columns, names=list(types)))
            first += batch.num_rows


def _converted(path: Path, first: int, name: str, column: pa.Array, dtype: pa.DataType) -> pa.Array:
    try:
        return cells.convert(column, dtype)
    except cells.BadCell as error:
        raise UserError(f"{path} row {first + error.index}, column {name!r}: {error}") from error
    except pa.ArrowException as error:
        raise UserError(f"{path}, column {name!r}: {_first_line(error)}") from error


def _is_parquet(path: Path) -> bool:
    return path.name.lower().endswith(".parquet")


def _csv(path: Path, names: list[str], advance: Advance) -> Iterator[pa.RecordBatch]:
    """The cells as bytes, so that those which are no text can be named."""
    types = dict.fromkeys(columns_of(path), pa.binary())
    told, ending = 0, b""
    with _reporting(path), _open_csv(path, types) as (reader, position):
        for batch in reader:
            here = position()
            advance(here - told)
            told = here
            if batch.num_rows:
                ending = batch.columns[-1][-1].as_py()
            yield batch.select(names)
    # A quotation mark left open swallows the rest of the file, its last line break included.
    if ending.endswith(b"\n"):
        raise UserError(f"{path}: a quotation mark opened in the last row is never closed")


@contextlib.contextmanager
def _open_csv(
    path: Path, types: dict[str, pa.DataType]
) -> Iterator[tuple[csv.CSVStreamingReader, Callable[[], int]]]:
    """A reader, and a function that tells how many bytes of the file have been read."""
    ragged: list[Any] = []

    def refuse(row: Any) -> str:
        ragged.append(row)
        return "error"

    name = path.name.lower()
    with pa.OSFile(str(path)) as raw:
        content = pa.CompressedInputStream(raw, "gzip") if name.endswith(".gz") else raw
        try:
            reader = csv.open_csv(
                content,
                # On one thread it knows the numbers of rows.
                read_options=csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
                parse_options=csv.ParseOptions(
                    delimiter="\t" if name.endswith((".tsv", ".tsv.gz")) else ",",
                    newlines_in_values=True,
                    invalid_row_handler=refuse,
                ),
                convert_options=csv.ConvertOptions(column_types=types),
            )
            yield reader, raw.tell
        except pa.ArrowInvalid as error:
            if ragged:
                row = ragged[0]
                raise UserError(
                    f"{path} row {row.number - 1} has {row.actual_columns} cells instead of "
                    f"{row.expected_columns}"
                ) from error
            if "straddles" in str(error):
                limit = _BLOCK_BYTES // 2**20
                raise UserError(
                    f"{path} has a row of more than {limit} MiB: is a quotation mark left open?"
                ) from error
            raise


def _parquet(path: Path, names: list[str], advance: Advance) -> Iterator[pa.RecordBatch]:
    size, done, told = path.stat().st_size, 0, 0
    with _reporting(path), parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=names):
            done += batch.num_rows
            here = size * done // file.metadata.num_rows
            advance(here - told)
            told = here
            yield batch.select(names)


@contextlib.contextmanager
def _reporting(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises about a file into a UserError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise UserError(f"{path} has a column whose name is not UTF-8") from error
    except (pa.ArrowException, OSError) as error:
        if "Empty CSV file" in str(error):
            raise UserError(f"{path} holds no row") from error
        raise UserError(f"{path} cannot be read: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0]
