"""Rows of Python values: JSON lines, and sheets of a spreadsheet."""

import contextlib
import datetime
import functools
import importlib
import io
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from .dates import pc
from .dialect import Dialect
from .errors import UserError
from .packing import Form, encoding_of, unpacked
from .table_file import TableFile

BATCH_ROWS = 2**14  # of JSON lines at a time


@contextlib.contextmanager
def open_lines(path: Path, form: Form, dialect: Dialect) -> Iterator[TableFile]:
    """Open a file with a JSON object in each line; objects in it become columns such as ``a.b``.

    Raises:
        UserError: A line holds something else, or has a field that all lines before lack.
    """
    with unpacked(path, form) as (content, _):
        encoding = encoding_of(path, content.read(4), dialect)
    with unpacked(path, form) as (content, position):
        raw: Any = content  # it can do what a file of the standard library can
        plain = "utf-8-sig" if encoding == "utf-8" else encoding
        batches = _parsed(path, io.TextIOWrapper(io.BufferedReader(raw), plain, newline="\n"))
        first = next(batches, None)
        if first is None:
            raise UserError(f"{path} holds no row")
        said = f"JSON lines, {encoding.upper()}"
        whole = itertools.chain([first], batches)
        yield TableFile(first.schema, lambda _: whole, position, said)


@contextlib.contextmanager
def open_sheet(path: Path, _: Form, dialect: Dialect) -> Iterator[TableFile]:
    """Open a sheet of a spreadsheet; its first row names the columns.

    Raises:
        UserError: The package that reads it is not installed, or it is not certain which sheet.
    """
    found = path.stat()
    name, batch = _sheet(path, dialect.sheet, found.st_mtime_ns)
    yield TableFile(batch.schema, lambda _: iter([batch]), lambda: found.st_size, f"sheet {name!r}")


@functools.lru_cache(maxsize=16)  # a table is read several times, and parsing it takes long
def _sheet(path: Path, sheet: str, _changed: int) -> tuple[str, pa.RecordBatch]:
    """The name and the rows of a sheet."""
    try:
        calamine = importlib.import_module("python_calamine")
    except ImportError as error:
        raise UserError(
            f"{path} needs the package python-calamine: run `uv add python-calamine`"
        ) from error
    try:
        book = calamine.CalamineWorkbook.from_path(str(path))
        sheets = {name: book.get_sheet_by_name(name) for name in book.sheet_names}
        rows = {name: each.to_python() for name, each in sheets.items()}
    except calamine.CalamineError as error:
        raise UserError(f"{path} cannot be read: {error}") from error
    filled = [name for name in rows if rows[name]]
    if not filled:
        raise UserError(f"{path} holds no row")
    if len(filled) > 1 and not sheet:
        raise UserError(f"{path} has several sheets, {', '.join(filled)}: give --sheet")
    name = sheet or filled[0]
    if not rows.get(name):
        raise UserError(f"{path} has no sheet {name!r} with rows: it has {', '.join(filled)}")
    header, *body = rows[name]
    columns = [[_cell(row[at]) for row in body] for at in range(len(header))]
    batch = pa.RecordBatch.from_arrays(
        [_whole_numbers(_array(column)) for column in columns],
        names=[str(_cell(title) or "") for title in header],
    )
    return name, batch


def _parsed(path: Path, lines: Iterator[str]) -> Iterator[pa.RecordBatch]:
    numbered = enumerate((line for line in lines if line.strip()), start=1)
    names: dict[str, None] = {}
    for first in itertools.count(step=BATCH_ROWS):
        rows = [
            _flat(_parse(path, number, line))
            for number, line in itertools.islice(numbered, BATCH_ROWS)
        ]
        if not rows:
            return
        names = names or dict.fromkeys(name for row in rows for name in row)
        for number, row in enumerate(rows, start=first + 1):
            for name in row.keys() - names.keys():
                raise UserError(f"{path} row {number} has a field {name!r} that no row before has")
        columns = [_array([row.get(name) for row in rows]) for name in names]
        yield pa.RecordBatch.from_arrays(columns, names=list(names))


def _parse(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise UserError(f"{path} row {number} is no JSON: {error}") from error
    if not isinstance(row, dict):
        raise UserError(f"{path} row {number} is no JSON object, such as {{...}}")
    return row


def _flat(row: dict[str, Any], above: str = "") -> dict[str, Any]:
    found = {}
    for name, value in row.items():
        inner = isinstance(value, dict)
        found |= _flat(value, f"{above}{name}.") if inner else {above + name: value}
    return found


def _array(values: Sequence[Any]) -> pa.Array:
    """The values with the type they have in common; as texts, where that is none."""
    if not any(isinstance(value, list) for value in values):
        with contextlib.suppress(pa.ArrowException, OverflowError):
            return pa.array(values)
    return pa.array([None if value is None else _text(value) for value in values])


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _cell(value: Any) -> Any:
    """A cell of a sheet as a value that a column can hold."""
    if value == "":
        return None
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    if isinstance(value, datetime.time):
        return (value.hour * 60 + value.minute) * 60 + value.second + value.microsecond / 1e6
    return value.total_seconds() if isinstance(value, datetime.timedelta) else value


def _whole_numbers(column: pa.Array) -> pa.Array:
    """A sheet has no whole numbers of their own."""
    whole = column.type == pa.float64() and pc.all(pc.equal(column, pc.trunc(column))).as_py()
    return column.cast(pa.int64()) if whole else column
