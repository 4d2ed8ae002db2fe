"""The rows of tables as arrays: when, of which series, which values, and where they stand."""

from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Int64

from .dialect import Dialect
from .errors import UserError
from .sources import Columns
from .tables import Rows, read_tables
from .times import ticks_of

Advance = Callable[[int], object]


@dataclass(frozen=True)
class Observations:
    """All rows of all tables, in the order in which they stand there.

    Attributes:
        names: The series, in the order of their first rows.
        dated: Whether ticks are microseconds since 1970, and not just numbers.
        ticks: When.
        owners: Number of the series.
        values: NaN where a value is missing.
        parts: For each run of rows of one file: how many rows came before it, the file, and the
            number of the first row in the file.
    """

    names: tuple[str, ...]
    dated: bool
    ticks: Int64[np.ndarray, " points"]
    owners: Int64[np.ndarray, " points"]
    values: Float32[np.ndarray, "points channels"]
    parts: tuple[tuple[int, Path, int], ...]

    def where(self, row: int) -> str:
        """The file and the row of an observation."""
        before, path, first = self.parts[bisect(self.parts, row, key=lambda part: part[0]) - 1]
        return f"{path} row {first + row - before}"


def read_observations(
    files: Sequence[Path],
    columns: Columns,
    time_type: pa.DataType,
    advance: Advance,
    dialect: Dialect,
) -> Observations:
    """Read the given columns of all tables.

    Args:
        files: The tables.
        columns: What to read; `time` and `channels` are not open.
        time_type: Type of the time column.
        advance: Told, now and then, how many more bytes were read from disk.
        dialect: How the tables are written.

    Raises:
        UserError: A cell is not what its column should hold, or a time or a name is missing.
    """
    time, channels = str(columns.time), columns.channels or ()
    types = {time: time_type, **dict.fromkeys(channels, pa.float64())}
    if columns.series is not None:
        types[columns.series] = pa.string()
    numbers: dict[str, int] = {}
    times, owners, values, parts = [], [], [], []
    count = 0
    for rows in read_tables(files, types, advance, dialect):
        if rows.batch.num_rows:
            times.append(_whole(rows, time))
            owners.append(_owners(rows, columns, numbers))
            values.append(_values(rows, channels))
            parts.append((count, rows.path, rows.first))
            count += rows.batch.num_rows
    if not count:
        raise UserError(f"{', '.join(map(str, files))}: no rows")
    found = ticks_of(pa.concat_arrays(times))
    if found is None:
        raise UserError(
            f"{files[0]}, column {time!r}: times must be ISO 8601, YYYYMMDD, or whole numbers"
        )
    ticks, dated = found
    return Observations(
        tuple(numbers), dated, ticks, np.concatenate(owners), np.concatenate(values), tuple(parts)
    )


def _whole(rows: Rows, name: str) -> pa.Array:
    """A column in which nothing may be missing."""
    column = rows.batch.column(name)
    if column.null_count:
        at = column.is_null().index(True).as_py()
        raise UserError(f"{rows.path} row {rows.first + at}, column {name!r}: no value")
    return column


def _owners(rows: Rows, columns: Columns, numbers: dict[str, int]) -> Int64[np.ndarray, " points"]:
    """Numbers of the series that the rows belong to; `numbers` learns new names."""
    if columns.series is None:
        name = str(rows.path) if columns.per_file else ""
        return np.full(rows.batch.num_rows, numbers.setdefault(name, len(numbers)))
    coded = _whole(rows, columns.series).dictionary_encode()
    known = [numbers.setdefault(name, len(numbers)) for name in coded.dictionary.to_pylist()]
    return np.array(known)[coded.indices.to_numpy()]


def _values(rows: Rows, channels: Sequence[str]) -> Float32[np.ndarray, "points channels"]:
    cells = [rows.batch.column(name).to_numpy(zero_copy_only=False) for name in channels]
    with np.errstate(over="ignore"):
        values = np.stack(cells, axis=1).astype(np.float32)
    for row, channel in np.argwhere(np.isinf(values))[:1]:
        raise UserError(
            f"{rows.path} row {rows.first + row}, column {channels[channel]!r}: "
            f"{cells[channel][row]} is no number that float32 can hold"
        )
    return values
