"""The time column of tables: which one it is, and its cells as integers.

How times are written has a name: ``dates``, one of `periods.WAYS`, or one of `numbered.WAYS`.
"""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Int64

from . import numbered, periods
from .clocks import read_clock
from .dates import pc
from .dialect import Dialect
from .errors import UserError
from .tables import Understood, read_tables

DATES = "dates"
_MANY = 10
_MAY_BE = (pa.string(), pa.int64(), pa.float64())
_WAYS = "dates, quarters, weeks, months, YYYYMMDD, seconds since 1970, or whole numbers"


class Times(NamedTuple):
    """A time column.

    Attributes:
        ticks: Microseconds since 1970, or the numbers of an index.
        written: How they were written.
        aware: Whether they are in UTC, because each states its offset.
    """

    ticks: Int64[np.ndarray, " points"]
    written: str
    aware: bool

    @property
    def dated(self) -> bool:
        """Whether ticks are microseconds since 1970, and not just numbers."""
        return self.written != numbered.INDEX


def time_column(
    files: Sequence[Path], found: Understood, free: Mapping[str, pa.DataType], dialect: Dialect
) -> str:
    """Find the column with the time: the only one of dates, or else the only one of whole numbers.

    Args:
        files: The tables.
        found: What they hold.
        free: The columns that may be it, with their types.
        dialect: How the tables are written.

    Raises:
        UserError: None may be, or several, or it can be read in two ways.
    """
    dates = [name for name in free if pa.types.is_timestamp(free[name])]
    dates = dates or [name for name in free if found.doubts.get(name, "").startswith("dates")]
    ways = {} if dates else _first_ways(files, free, dialect)
    kinds = (
        dates,
        [name for name in ways if free[name] == pa.string()],
        [name for name in ways if ways[name] != numbered.INDEX],
        [name for name in ways if free[name] == pa.int64()],
    )
    likely = next(filter(None, kinds), [])
    if len(likely) == 1:
        return likely[0]
    points = _points_in_time(free)
    if len(points) >= _MANY and set(likely) <= set(points):
        raise UserError(
            f"{files[0]}: columns such as {points[0]!r} and {points[-1]!r} seem to be points in "
            "time: turn the table, so that each row is one, and each column a series (--wide)"
        )
    if likely:
        raise UserError(
            f"{files[0]}: several columns may be the time; name it by --time: {_listed(likely)}"
        )
    raise UserError(
        f"{files[0]} has no column of {_WAYS} for the time; its columns: {_listed(free) or 'none'}"
    )


def read_times(columns: Sequence[pa.Array], written: str, *, counted: bool) -> Times:
    """The cells of time columns, none of them null, as integers.

    Args:
        columns: Times; or dates and times of day; or years, months, and what else there is.
        written: How they are written; empty to find it out.
        counted: Whether whole numbers are an index whatever else they may be.

    Raises:
        ValueError: They are not so written, or in no way that is known; the message ends a
            sentence about the column.
    """
    first, *parts = columns
    if not parts:
        return _read(first, written, counted=counted)
    if first.type == pa.int64() and numbered.are_years(first.to_numpy()):
        texts = (pc.replace_substring_regex(part, r"\.0+$", "") for part in parts)
        joined = pc.binary_join_element_wise(first.cast(pa.string()), *texts, " ")
        return _read(joined, written, counted=counted)
    found = _read(first, written, counted=counted)
    if len(parts) > 1 or not found.dated:
        raise ValueError("is no year, so --time takes one column with dates, and one with clocks")
    return found._replace(ticks=found.ticks + read_clock(parts[0]))


def _read(column: pa.Array, written: str, *, counted: bool) -> Times:
    if pa.types.is_timestamp(column.type):
        if written not in ("", DATES):
            raise ValueError(
                f"times must be written like {written}, as in the data set, not as dates"
            )
        ticks = column.cast(pa.int64()).to_numpy()
        return Times(ticks, DATES, column.type.tz is not None)
    ways = _ways(column)
    if written:
        if written not in ways:
            raise ValueError(
                f"times must be written like {written}, as in the data set, not like "
                f"{_example(column)}"
            )
        ways = [written]
    elif counted and numbered.INDEX in ways:
        ways = [numbered.INDEX]
    if not ways:
        if (
            pa.types.is_string(column.type)
            and pc.any(pc.match_substring_regex(column, periods.FISCAL)).as_py()
        ):
            raise ValueError(
                f"{column[0].as_py()!r} does not tell when a fiscal year begins: write the first "
                "days of quarters"
            )
        raise ValueError(f"times must be {_WAYS}, all written alike, not like {_example(column)}")
    return Times(_ticks(column, ways[0]), ways[0], ways[0] in numbered.SINCE)


def _listed(names: Iterable[str]) -> str:
    first = list(itertools.islice(names, _MANY + 1))
    return ", ".join((*first[:_MANY], *(["..."] if len(first) > _MANY else [])))


def _points_in_time(names: Iterable[str]) -> list[str]:
    """The names of columns that are dates, or the steps of a count such as d_1, d_2."""
    counted = re.compile(r"[A-Za-z]?_?\d+|\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?")
    return [name for name in names if counted.fullmatch(name) or _ways(pa.array([name]))]


def _first_ways(
    files: Sequence[Path], types: Mapping[str, pa.DataType], dialect: Dialect
) -> dict[str, str]:
    """The likeliest way in which the first cells of columns are written, if they may be times."""
    types = {name: types[name] for name in types if types[name] in _MAY_BE}
    rows = next(read_tables(files[:1], types, lambda _: None, dialect), None) if types else None
    found: dict[str, str] = {}
    if rows is None:
        return found
    for name in types:
        column = rows.batch.column(name)
        ways = [] if column.null_count or not len(column) else _ways(column)
        if ways:
            found[name] = ways[0]
    return found


def _ways(column: pa.Array) -> list[str]:
    if pa.types.is_string(column.type):
        return periods.ways_of(column)
    if column.type in (pa.int64(), pa.float64()):
        return numbered.ways_of(column.to_numpy())
    return []


def _ticks(column: pa.Array, way: str) -> Int64[np.ndarray, " points"]:
    if pa.types.is_string(column.type):
        ticks = periods.read_periods(column, way)
    else:
        ticks = numbered.read_numbers(column.to_numpy(), way)
    if ticks is None:
        raise ValueError(f"times are not written like {way}")
    return ticks


def _example(column: pa.Array) -> str:
    """The first cell that is in no way a time, or the first of all."""
    cells = (column.slice(at, 1) for at in range(min(len(column), 1000)))
    odd = next((cell for cell in cells if _ways(cell)[:1] in ([], [numbered.INDEX])), column)
    return repr(odd[0].as_py())
