"""Series: observations put in order of time and brought to a regular step.

A point in time without a row, or without a value, becomes NaN.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float, Float32, Int64

from .covariates import Covariate, Covariates
from .dialect import Dialect
from .errors import UserError
from .frequency import Frequency
from .holiday_calendar import count_holidays
from .observations import Key, Observations, read_observations
from .regular import constants_of, on_steps, places_of
from .roles import complete
from .sources import Columns, Reading, Source
from .steps import Order, Steps, lay_steps
from .tables import understand

Advance = Callable[[int], object]

_NOTHING = np.empty((0, 0), np.float32)


@dataclass(frozen=True)
class Series:
    """Values at regular steps.

    Attributes:
        name: What tells the series from others; empty where there is only one.
        start: Tick of the first step (see `frequency.py`).
        values: NaN where a value is missing.
        key: The parts of its name, one for each column that names series.
        known: The known columns, as numbers or places of texts, NaN where one is missing; of the
            steps that have values, and perhaps of some after them.
        static: The static columns likewise.
    """

    name: str
    start: int
    values: Float32[np.ndarray, "num_steps channels"]
    key: Key = ()
    known: Float32[np.ndarray, "_ _"] = field(default_factory=lambda: _NOTHING)
    static: tuple[float, ...] = ()


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
        reading: How rows became steps.
        notes: What was done to rows, in lines.
        covariates: What is known beside the values, and how the model sees it.
    """

    columns: Columns
    frequency: Frequency
    season: int
    series: tuple[Series, ...]
    unused: tuple[str, ...] = ()
    dialect: Dialect = field(default_factory=Dialect)
    files: tuple[str, ...] = ()
    reading: Reading = field(default_factory=Reading)
    notes: tuple[str, ...] = ()
    covariates: Covariates = field(default_factory=Covariates)

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
            replace(series, values=series.values[:length], known=series.known[:length])
            for series, length in zip(self.series, lengths, strict=True)
        ]
        return replace(self, series=tuple(shorter))

    def ahead(self, horizon: int, where: str) -> "Panel":
        """The same with what is known of so many steps behind the values of each series.

        Args:
            horizon: The steps.
            where: The beginning of the message.

        Raises:
            UserError: The tables do not hold the known columns of these steps.
        """
        if not self.covariates.width:
            return self
        found = _with_holidays(self, horizon)
        for series in found.series:
            future = series.known[len(series.values) :]
            for step, column in np.argwhere(np.isnan(future))[:1]:
                ticks = self.frequency.ticks(
                    np.array([series.start]), len(series.values) + np.array([-1, step])
                )
                last, tick = map(self.frequency.text, ticks.tolist())
                name = self.covariates.known[column].name
                whose = f" of series {series.name!r}" if series.name else ""
                raise UserError(
                    f"{where}: {name!r} is missing at {tick}{whose}: add rows with the known "
                    f"columns for the {horizon} steps after the last value, {last}, and leave the "
                    "values empty"
                )
        return found


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
    columns, measured = complete(source, found)
    used = [str(columns.time), *columns.keys, *measured, *columns.known, *columns.static]
    found.check(used)
    step = None if source.frequency is None else Frequency.parse(source.frequency)
    known = None if source.covariates is None else Covariates.of({"covariates": source.covariates})
    rows = read_observations(
        source.files,
        columns,
        measured,
        found.types,
        advance,
        found.dialect,
        written=source.reading.written,
        counted=step is not None and step.kind == "index",
        covariates=known,
    )
    steps = lay_steps(source, rows)
    series = [
        each
        for key, order in zip(rows.keys, steps.orders, strict=True)
        for each in _series(columns, measured, rows, key, order, steps)
    ]
    if not series:
        raise UserError(f"{source.files[0]}: no value in {', '.join(measured)}")
    country = source.holidays if known is None else known.holidays
    covariates = known or rows.covariates
    if country and known is None:
        holidays = Covariate(f"holidays {country}")
        covariates = replace(covariates, known=(*covariates.known, holidays), holidays=country)
    panel = Panel(
        columns=columns,
        frequency=steps.frequency,
        season=source.season or steps.frequency.default_season(),
        series=tuple(series),
        unused=tuple(name for name in found.types if name not in (*used, *columns.parts)),
        dialect=found.dialect,
        files=tuple(found.files),
        reading=steps.reading,
        notes=(*steps.notes, *_notes(columns, measured, rows.covariates, series)),
        covariates=covariates,
    )
    return _with_holidays(panel, 0)


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


def _series(
    columns: Columns,
    measured: Sequence[str],
    rows: Observations,
    key: Key,
    order: Order,
    steps: Steps,
) -> Iterator[Series]:
    """The series of some rows: one, or of wide tables one for each column."""
    places = places_of(rows, order, steps)
    values = on_steps(rows.values[order], places, steps.reading.aggregate)
    known = on_steps(rows.known[order], places, "last")
    start, static = int(steps.ticks[order[0]]), constants_of(rows, order)
    there = ~np.isnan(values)
    if columns.wide is None:
        # What comes after the last value is the future, if something is known of it.
        last = np.flatnonzero(there.any(axis=1))[-1:] if columns.known else [len(values) - 1]
        values = values[: int(last[0]) + 1] if len(last) else values[:0]
        yield Series(", ".join(key), start, values, key, known, static)
        return
    for column, name in enumerate(measured):
        found = np.flatnonzero(there[:, column])
        if len(found):
            first, stop = int(found[0]), int(found[-1]) + 1
            begin = steps.frequency.ticks(np.array([start]), np.array([first])).item()
            each = values[first:stop, [column]]
            yield Series(name, begin, each, (name,), known[first:], static)


def _notes(
    columns: Columns, measured: Sequence[str], covariates: Covariates, series: Sequence[Series]
) -> Iterator[str]:
    """What of the tables is not there, or not in the way that most of it is."""
    if columns.wide is not None:
        empty = [name for name in measured if name not in {each.name for each in series}]
        if empty:
            yield f"columns without a value, which are no series: {', '.join(empty)}"
    for at, column in enumerate(covariates.known):
        missing = sum(int(np.isnan(each.known[: len(each.values), at]).sum()) for each in series)
        if missing:
            what = "its mean" if column.texts is None else "no text"
            yield f"{column.name} is missing at {missing:,} steps, and counts as {what} there"
    later = sum(len(each.known) - len(each.values) for each in series) if columns.known else 0
    if later:
        yield f"{later:,} steps after the last values hold known columns alone"


def _with_holidays(panel: Panel, horizon: int) -> Panel:
    """With what is known of all steps and of so many more, holidays among it."""
    country, width = panel.covariates.holidays, len(panel.covariates.known)
    if not panel.covariates.width:
        return panel
    found = []
    for series in panel.series:
        length = max(len(series.values) + horizon, len(series.known))
        known = np.full((length, width), np.nan, np.float32)
        known[: len(series.known), : series.known.shape[1]] = series.known
        if country and length:
            ticks = panel.frequency.ticks(np.array([series.start]), np.arange(length))
            known[:, -1] = count_holidays(panel.frequency, ticks, country)
        found.append(replace(series, known=known))
    return replace(panel, series=tuple(found))


def _mean_change(
    values: Float32[np.ndarray, "num_steps channels"], season: int
) -> Float[np.ndarray, " channels"]:
    change = np.abs(values[season:].astype(np.float64) - values[:-season])
    there = ~np.isnan(change)
    total, count = np.sum(change, axis=0, where=there), np.sum(there, axis=0)
    means = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    # Less than a season and one step: the change from step to step must do.
    return means if season == 1 or count.any() else _mean_change(values, 1)
