"""Series: observations put in order of time and brought to a regular step.

A point in time without a row, or without a value, becomes NaN; one with two rows, or between two
steps, is an error that names the row.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Float32, Int64

from .dialect import Dialect
from .errors import UserError
from .frequency import Frequency, infer_frequency
from .observations import Observations, read_observations
from .sources import Columns, Source
from .tables import understand
from .times import time_column

Advance = Callable[[int], object]

# Numbers of a series' rows. Each series has a length of its own, hence the anonymous dimension.
Order = Int64[np.ndarray, "_"]

# A frequency that is far too high would fill the memory with missing values.
_MOST_STEPS_PER_ROW = 100


@dataclass(frozen=True)
class Series:
    """Values at regular steps.

    Attributes:
        name: What tells the series from others; empty where there is only one.
        start: Tick of the first step (see `frequency.py`).
        values: NaN where a value is missing.
    """

    name: str
    start: int
    values: Float32[np.ndarray, "num_steps channels"]


@dataclass(frozen=True)
class Panel:
    """Series with the same channels and the same step.

    Attributes:
        columns: Where they were found in the tables.
        frequency: Their step.
        season: Steps in the period that they repeat with.
        series: The series.
        unused: Columns of the tables that are nothing of this.
        dialect: How the tables are written.
        files: How they are read, a line for each way.
    """

    columns: Columns
    frequency: Frequency
    season: int
    series: tuple[Series, ...]
    unused: tuple[str, ...] = ()
    dialect: Dialect = field(default_factory=Dialect)
    files: tuple[str, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels."""
        return self.columns.channels or ()

    def ticks(self, series: Series) -> Int64[np.ndarray, " num_steps"]:
        """When the steps of one of the series are."""
        return self.frequency.ticks(np.array([series.start]), np.arange(len(series.values)))

    def cut(self, lengths: Int64[np.ndarray, " num_series"]) -> "Panel":
        """The same without what comes after so many steps of each series."""
        shorter = [
            replace(series, values=series.values[:length])
            for series, length in zip(self.series, lengths, strict=True)
        ]
        return replace(self, series=tuple(shorter))


def read_panel(source: Source, advance: Advance) -> Panel:
    """Read all series of a source.

    Args:
        source: The tables.
        advance: Told, now and then, how many more bytes were read; in all, twice the files' size.

    Raises:
        UserError: A table cannot be read, a column is missing or holds something else, or times are
            missing, double or irregular; the message says where.
    """
    found = understand(source.files, advance, source.dialect)
    types, dialect = found.types, found.dialect
    columns = _complete(source, types, dialect)
    time, channels = str(columns.time), columns.channels or ()
    found.check([time, *channels])
    rows = read_observations(source.files, columns, types[time], advance, dialect)
    orders = list(_in_order(rows))
    _check_doubles(rows, orders, columns)
    frequency = _frequency(source, rows, orders)
    return Panel(
        columns=columns,
        frequency=frequency,
        season=source.season or frequency.default_season(),
        series=tuple(
            _regular(name, rows, order, frequency)
            for name, order in zip(rows.names, orders, strict=True)
        ),
        unused=tuple(name for name in types if name not in (time, columns.series, *channels)),
        dialect=dialect,
        files=tuple(found.files),
    )


def seasonal_scales(panel: Panel) -> Float32[np.ndarray, "num_series channels"]:
    """How much each channel of each series changes from one season to the next, on average.

    It is the mean absolute error of the seasonal naive forecast one season ahead. Errors divided by
    it can be compared, and averaged, over channels of different units (Hyndman and Koehler, 2006).
    A series too short to tell, or constant, takes the mean of the others.
    """
    scales = np.stack([_mean_change(series.values, panel.season) for series in panel.series])
    there = scales > 0  # not so for NaN
    total, count = np.sum(scales, axis=0, where=there), np.sum(there, axis=0)
    typical = np.divide(total, count, out=np.ones(len(total)), where=count > 0)
    return np.where(there, scales, typical).astype(np.float32)


def _mean_change(
    values: Float32[np.ndarray, "num_steps channels"], season: int
) -> Float[np.ndarray, " channels"]:
    change = np.abs(values[season:].astype(np.float64) - values[:-season])
    there = ~np.isnan(change)
    total, count = np.sum(change, axis=0, where=there), np.sum(there, axis=0)
    means = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    # Less than a season and one step: the change from step to step must do.
    return means if season == 1 or count.any() else _mean_change(values, 1)


def _complete(source: Source, types: dict[str, pa.DataType], dialect: Dialect) -> Columns:
    """The columns of the source, with those found that it leaves open."""
    columns, where = source.columns, source.files[0]
    given = [columns.time, columns.series, *(columns.channels or ())]
    for name in given:
        if name is not None and name not in types:
            raise UserError(f"{where} has no column {name!r}; its columns: {', '.join(types)}")
    if columns.time is None:
        free = {name: kind for name, kind in types.items() if name not in given}
        columns = replace(columns, time=time_column(source.files, free, dialect))
    if columns.channels is None:
        taken, numbers = (columns.time, columns.series), (pa.int64(), pa.float64())
        found = tuple(name for name in types if name not in taken and types[name] in numbers)
        if not found:
            raise UserError(f"{where} has no column of numbers beside the time, {columns.time!r}")
        columns = replace(columns, channels=found)
    roles = [columns.time, columns.series, *(columns.channels or ())]
    for name in types:
        if roles.count(name) > 1:
            raise UserError(f"column {name!r} is given twice: as time, series or channel")
    return columns


def _in_order(rows: Observations) -> Iterator[Order]:
    """For each series, the numbers of its rows in order of time."""
    order = np.lexsort((rows.ticks, rows.owners))
    ends = np.searchsorted(rows.owners[order], np.arange(1, len(rows.names)))
    yield from np.split(order, ends)


def _check_doubles(rows: Observations, orders: list[Order], columns: Columns) -> None:
    for order in orders:
        for at in np.flatnonzero(np.diff(rows.ticks[order]) == 0)[:1]:
            first, second = rows.where(int(order[at])), rows.where(int(order[at + 1]))
            hint = "" if columns.series else "; if there are several series, see --series"
            raise UserError(f"{second} has the same time as {first}{hint}")


def _frequency(source: Source, rows: Observations, orders: list[Order]) -> Frequency:
    """The step on which all rows lie."""
    if source.frequency is not None:
        candidates = [Frequency.parse(source.frequency)]
        if rows.dated == (candidates[0].kind == "index"):
            hold = "dates" if rows.dated else "whole numbers"
            raise UserError(
                f"{source.files[0]}: the times are {hold}, which {source.frequency} is no step of"
            )
    else:
        gaps = np.concatenate([np.diff(rows.ticks[order]) for order in orders])
        if not gaps.size:
            raise UserError(f"{source.files[0]}: one row tells no step; give --frequency")
        candidates = infer_frequency(gaps, dated=rows.dated)
    for frequency in candidates:
        if all(frequency.fits(rows.ticks[order]).all() for order in orders):
            return frequency
    frequency = candidates[-1]
    order, at = next(
        (order, misfit)
        for order in orders
        for misfit in np.flatnonzero(~frequency.fits(rows.ticks[order]))
    )
    first, tick = (frequency.text(int(rows.ticks[order[one]])) for one in (0, at))
    raise UserError(
        f"{rows.where(int(order[at]))}: {tick} is no whole number of steps of {frequency} after "
        f"{first}, where its series begins; give another --frequency, or regular times"
    )


def _regular(name: str, rows: Observations, order: Order, frequency: Frequency) -> Series:
    ticks = rows.ticks[order]
    steps = frequency.steps(ticks[:1], ticks)
    length = int(steps[-1]) + 1
    if length > _MOST_STEPS_PER_ROW * (len(steps) + 100):
        raise UserError(
            f"{rows.where(int(order[-1]))}: up to {frequency.text(int(ticks[-1]))} there are "
            f"{length:,} steps of {frequency}, but only {len(steps):,} rows: correct the time, or "
            "give another --frequency"
        )
    values = np.full((length, rows.values.shape[1]), np.nan, np.float32)
    values[steps] = rows.values[order]
    return Series(name, int(ticks[0]), values)
