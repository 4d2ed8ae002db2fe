"""Tables from files, read batch by batch, with types and ways of writing that hold for all files.

What a column of texts holds is decided by all of its cells in all files, never by the first ones
alone, so the same files have the same types however they are cut. Files of any size fit: memory
holds a few batches. Rows are counted from 1, a header not included.
"""

import contextlib
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from . import cells, spelling
from .dialect import Dialect
from .errors import UserError
from .packing import LINES, SEPARATED, SHEETS, TYPED, form_of
from .separated import open_separated
from .storage.ahead import ahead
from .storage.matching import matching_files
from .table_file import TableFile
from .typed import open_typed
from .value_rows import open_lines, open_sheet

_OPENERS = {
    **dict.fromkeys(SEPARATED, open_separated),
    **dict.fromkeys(LINES, open_lines),
    **dict.fromkeys(SHEETS, open_sheet),
    **dict.fromkeys(TYPED, open_typed),
}
PLAIN = Dialect()

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


@dataclass
class Understood:
    """What some files hold, and how.

    Attributes:
        types: The columns that all files share, with a type that suits every cell: int64, float64,
            bool, timestamp (microseconds, with or without UTC), string, null for a column without a
            single value, and whatever else a file states (lists, say).
        dialect: How their cells are read, with the formats that were found.
        doubts: For each column that can be read in two ways, which option settles it.
        notes: For each column of texts that are nearly numbers, why they are not.
        files: How the files are read, a line for each way.
    """

    types: dict[str, pa.DataType]
    dialect: Dialect
    doubts: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def check(self, names: Sequence[str]) -> None:
        """Refuse columns that can be read in two ways.

        Raises:
            UserError: One of the names is such a column.
        """
        for name in names:
            if name in self.doubts:
                raise UserError(f"column {name!r}: {self.doubts[name]}")


def find_tables(patterns: Sequence[str]) -> tuple[Path, ...]:
    """The files that match any of the patterns, each once, in a fixed order.

    Raises:
        UserError: A pattern matches no file, a folder, or a file that is no table.
    """
    files = matching_files(patterns, "*.csv")
    for path in files:
        form_of(path)
    return files


def size_of(paths: Sequence[Path]) -> int:
    """Bytes of all files as they lie on disk."""
    return sum(path.stat().st_size for path in paths)


def columns_of(path: Path, dialect: Dialect = PLAIN) -> dict[str, pa.DataType]:
    """The columns of one file, with the types that it states; those of texts count for nothing.

    A first column without a name is an index, and left out.

    Raises:
        UserError: The file cannot be read, or a column has no name or that of another.
    """
    with _opened(path, dialect) as (_, columns):
        return {name: cells.plain(dtype) for name, dtype in columns.items()}


def understand(paths: Sequence[Path], advance: Advance, dialect: Dialect = PLAIN) -> Understood:
    """Find the columns that all files share, their types, and how their cells are written.

    Args:
        paths: Parquet and Arrow files, which state their types, and others, which are read through.
        advance: Told, now and then, how many more bytes were read from disk.
        dialect: What is known already.

    Raises:
        UserError: A file cannot be read, or its columns are not those of the first.
    """
    types: dict[str, pa.DataType] = {}
    stated: set[str] = set()  # columns whose texts are texts, because a file says so
    said: Counter[str] = Counter()
    for path in paths:
        with _opened(path, dialect) as (file, there):
            index = len(there) < len(file.schema.names)
            ending = ", the first column is an index without a name and ignored" if index else ""
            said[file.said + ending] += 1
        if not types:
            types = dict.fromkeys(there, pa.null())
        for name in (*there, *types):
            if name not in types or name not in there:
                have, lack = (path, paths[0]) if name in there else (paths[0], path)
                raise UserError(f"{lack} lacks the column {name!r} that {have} has")
        if form_of(path).suffix in TYPED:
            stated |= set(there)
            advance(path.stat().st_size)
            found = iter([{name: cells.plain(dtype) for name, dtype in there.items()}])
        else:
            found = (
                {name: _type_of(rows, name) for name in there}
                for rows in _stored(path, list(there), dialect, advance)
            )
        for some in found:
            types = {name: cells.common(types[name], some[name]) for name in types}
    understood = Understood(types, dialect)
    understood.files = [f"{count:,} files: {way}" for way, count in said.items()]
    if len(paths) == 1:
        understood.files = list(said)
    return _with_formats(understood, paths, stated)


def read_tables(
    paths: Sequence[Path],
    types: Mapping[str, pa.DataType],
    advance: Advance,
    dialect: Dialect = PLAIN,
) -> Iterator[Rows]:
    """Read columns of all files, converted to the given types.

    A text that spells a missing value (``cells.MISSING``) is null, and so is NaN. Files are parsed
    by one thread and their cells converted by another, ahead of what the caller does with them.

    Args:
        paths: The files.
        types: The columns to read and the types to give them, in the order of the result; other
            columns are passed over.
        advance: Told, now and then, how many more bytes were read from disk.
        dialect: How the cells are written.

    Raises:
        UserError: A file cannot be read, lacks a column, or has a cell that is not of its type.
    """
    for path in paths:
        yield from ahead(_typed(path, types, advance, dialect))


def _typed(
    path: Path, types: Mapping[str, pa.DataType], advance: Advance, dialect: Dialect
) -> Iterator[Rows]:
    """Columns of a file as they are to be."""
    for rows in _stored(path, list(types), dialect, advance):
        columns = [
            _converted(rows, name, types[name], dialect.formats.get(name, "")) for name in types
        ]
        yield rows._replace(batch=pa.RecordBatch.from_arrays(columns, names=list(types)))


def _with_formats(understood: Understood, paths: Sequence[Path], stated: set[str]) -> Understood:
    """The same with columns of texts that are numbers, dates or durations known as such."""
    types, known = understood.types, understood.dialect
    formats = {name: written for name, written in known.formats.items() if name in types}
    open_ = [
        name
        for name, dtype in types.items()
        if dtype == pa.string() and name not in stated and name not in formats
    ]
    finders = _finders(paths, open_, known)
    marks = {finder.mark for finder in finders.values()} | {known.decimal}
    if "," in marks:  # then 1.234 may be no plain number
        points = [
            name for name, dtype in types.items() if dtype == pa.float64() and name not in stated
        ]
        grouped = _finders(paths, points, known)
        marks |= {finder.mark for finder in grouped.values()}
        finders |= {name: finder for name, finder in grouped.items() if not finder.mark}
    elif pa.float64() in types.values():
        marks.add(".")
    certain = marks - {""}
    decimal = known.decimal or (certain.pop() if len(certain) == 1 else "")
    for name, finder in finders.items():
        try:
            formats[name] = finder.found(decimal, known.day_first)
        except spelling.Doubt as doubt:
            understood.doubts[name] = str(doubt)
        if finder.note:
            understood.notes[name] = finder.note
    formats = {name: written for name, written in formats.items() if written}
    found = {name: spelling.type_of(written) for name, written in formats.items()}
    return replace(understood, types=types | found, dialect=replace(known, formats=formats))


def _finders(
    paths: Sequence[Path], names: Sequence[str], dialect: Dialect
) -> dict[str, spelling.Finder]:
    """How some columns may be written, read no further than one of them leaves that open."""
    finders = {name: spelling.Finder() for name in names}
    open_ = list(names)
    for path in paths:
        if not open_:
            break
        for rows in _stored(path, open_, dialect, lambda _: None):
            for name in open_:
                column = rows.batch.column(name)
                if cells.holds_text(column.type):
                    finders[name].add(cells.texts_of(column).drop_null())
            open_ = [name for name in open_ if finders[name].open]
            if not open_:
                break
    return finders


def _type_of(rows: Rows, name: str) -> pa.DataType:
    column = rows.batch.column(name)
    if not cells.holds_text(column.type):
        return cells.plain(column.type)
    return cells.type_of(_converted(rows, name, pa.string(), ""))


def _converted(rows: Rows, name: str, dtype: pa.DataType, written: str) -> pa.Array:
    try:
        return cells.convert(rows.batch.column(name), dtype, written)
    except cells.BadCell as error:
        row = rows.first + error.index
        raise UserError(f"{rows.path} row {row}, column {name!r}: {error}") from error
    except pa.ArrowException as error:
        raise UserError(f"{rows.path}, column {name!r}: {_first_line(error)}") from error


def _stored(path: Path, names: list[str], dialect: Dialect, advance: Advance) -> Iterator[Rows]:
    """Columns of a file as they stand there, read while what was read before is worked on."""
    return ahead(_parsed(path, names, dialect, advance))


def _parsed(path: Path, names: list[str], dialect: Dialect, advance: Advance) -> Iterator[Rows]:
    told, first = 0, 1
    with _opened(path, dialect) as (file, there):
        lacking = [repr(name) for name in names if name not in there]
        if lacking:
            columns = "column" if len(lacking) == 1 else "columns"
            listed = ", ".join(there)
            raise UserError(f"{path} has no {columns} {', '.join(lacking)}; it has: {listed}")
        for batch in file.read(names):
            here = file.position()
            advance(here - told)
            told = here
            yield Rows(path, first, batch.select(names))
            first += batch.num_rows
    advance(path.stat().st_size - told)


@contextlib.contextmanager
def _opened(path: Path, dialect: Dialect) -> Iterator[tuple[TableFile, dict[str, pa.DataType]]]:
    """An open file, and its columns without an index."""
    with _reporting(path):
        form = form_of(path)
        with _OPENERS[form.suffix](path, form, dialect) as file:
            if form.packed:
                file = file._replace(said=f"{file.said}, packed as {form.packed}")
            names = file.schema.names
            index = len(names) > 1 and not names[0].strip()
            for number, name in enumerate(names[index:], start=index + 1):
                if not name.strip():
                    raise UserError(f"{path}: column {number} has no name")
                if names.index(name) < number - 1:
                    raise UserError(f"{path} has two columns named {name!r}")
            yield file, {field.name: field.type for field in list(file.schema)[index:]}


@contextlib.contextmanager
def _reporting(path: Path) -> Iterator[None]:
    """Turn what the libraries raise about a file into a UserError."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is not {error.encoding.upper()} ({error.reason}): give --encoding, such as "
            "cp1252"
        ) from error
    except (pa.ArrowException, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if "Empty CSV file" in str(error):
            raise UserError(f"{path} holds no row") from error
        raise UserError(f"{path} cannot be read: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0]
