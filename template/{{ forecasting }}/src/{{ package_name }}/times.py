"""The time column of tables: which one it is, and its cells as integers."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Int64

from .dialect import Dialect
from .errors import UserError
from .frequency import DAY
from .tables import read_tables

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")  # in place of a date


def time_column(files: Sequence[Path], types: Mapping[str, pa.DataType], dialect: Dialect) -> str:
    """Find the column with the time: the only one of dates, of months, or of whole numbers.

    Args:
        files: The tables.
        types: The columns that may be it.
        dialect: How the tables are written.

    Raises:
        UserError: None may be, or several.
    """
    kinds = (
        [name for name in types if pa.types.is_timestamp(types[name])],
        [
            name
            for name in types
            if types[name] == pa.string() and _begins_with_months(files, name, dialect)
        ],
        [name for name in types if types[name] == pa.int64()],
    )
    found = next(filter(None, kinds), [])
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(found)
        raise UserError(
            f"{files[0]}: several columns may be the time; name it by --time: {several}"
        )
    there = ", ".join(types) or "none"
    raise UserError(
        f"{files[0]} has no column of dates (ISO 8601 or YYYYMMDD) or whole numbers for the time; "
        f"its columns: {there}"
    )


def ticks_of(column: pa.Array) -> tuple[Int64[np.ndarray, " points"], bool] | None:
    """The cells of a time column, none of them null, as integers.

    Returns:
        Microseconds since 1970 and True for dates (in UTC, if they have a zone); the numbers
        themselves and False for whole numbers that are not all dates of the form YYYYMMDD; None for
        anything else.
    """
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64()).to_numpy(), True
    if column.type == pa.string():
        if not _spells_months(column):
            return None
        months = np.array(column.to_pylist(), "datetime64[M]")
        return months.astype("datetime64[us]").astype(np.int64), True
    if column.type == pa.int64():
        numbers = column.to_numpy()
        days = _written_days(numbers)
        return (numbers, False) if days is None else (days * DAY, True)
    return None


def _begins_with_months(files: Sequence[Path], name: str, dialect: Dialect) -> bool:
    rows = next(read_tables(files[:1], {name: pa.string()}, lambda _: None, dialect), None)
    return rows is not None and _spells_months(rows.batch.column(0))


def _spells_months(column: pa.Array) -> bool:
    return all(text is not None and _MONTH.fullmatch(text) for text in column.to_pylist())


def _written_days(numbers: Int64[np.ndarray, " points"]) -> Int64[np.ndarray, " points"] | None:
    """Days since 1970, if all numbers are dates of the form YYYYMMDD."""
    year, month, day = numbers // 10_000, numbers // 100 % 100, numbers % 100
    if not np.all((year >= 1000) & (year <= 9999) & (month >= 1) & (month <= 12) & (day >= 1)):
        return None
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    months = (first, first + np.timedelta64(1, "M"))
    begin, end = (one.astype("datetime64[D]").astype(np.int64) for one in months)
    return begin + day - 1 if np.all(begin + day <= end) else None
