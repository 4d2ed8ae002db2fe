"""From the times of rows to regular steps: time zones, the step, and times between two steps.

Times that do not lie on steps are an error, unless a frequency is given. Then they are brought to
one by the first of these rules that applies:

- ``within``: months and business days count what lies within them, and so do steps that are longer
  than the usual distance of rows. Steps begin at midnight, on Mondays, on the first of a month;
  what lies on a weekend counts for the business day before.
- ``nearest``: steps are laid where most rows are, and a row goes to the nearest.
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from jaxtyping import Int64

from . import zones
from .errors import UserError
from .frequency import DAY, HOUR, Frequency, infer_frequency, middle
from .observations import Observations
from .sources import Reading, Source
from .times import DATES

Ticks = Int64[np.ndarray, "_"]
# Numbers of a series' rows. Each series has a length of its own, hence the anonymous dimension.
Order = Int64[np.ndarray, "_"]

_NEAREST, _WITHIN = "nearest", "within"
_MONDAY = 4 * DAY  # the first one after the beginning of 1970
_NICE = (
    *("1s", "2s", "5s", "10s", "15s", "30s", "1min", "2min", "5min", "10min", "15min", "30min"),
    *("1h", "2h", "3h", "4h", "6h", "12h", "1d", "1w", "1mo", "1q", "1y"),
)
_WEEKENDS = 14 * DAY  # so much time without a row on a weekend tells business days
_MONTH = round(365.2425 / 12 * DAY)
_DAY_OR_SO = 20 * HOUR  # days have 23 hours where clocks are set forward


@dataclass(frozen=True)
class Steps:
    """Where rows lie.

    Attributes:
        frequency: The step.
        reading: How rows were brought to steps.
        ticks: The step of each row.
        orders: For each series the numbers of its rows in order of time.
        notes: What was done to times, in lines.
    """

    frequency: Frequency
    reading: Reading
    ticks: Ticks
    orders: tuple[Order, ...]
    notes: tuple[str, ...]


def lay_steps(source: Source, rows: Observations) -> Steps:
    """Find the step of each row.

    Raises:
        UserError: Times are double or irregular, and no option says what to do about it.
    """
    known, notes = source.reading, []
    if rows.times.written != DATES:
        notes.append(f"times are read as {rows.times.written}")
    if known.zone:
        notes.append(f"times are those of clocks in {known.zone}")
    elif rows.times.aware:
        notes.append("times are in UTC")
    ticks, zone = _in_zone(source, rows)
    orders = tuple(_in_order(ticks, rows))
    gaps = _gaps(ticks, orders)
    if source.frequency is None and not len(gaps):
        if len(ticks) > len(orders) and not known.aggregate:
            _check_doubles(source, rows, ticks, orders, "has the same time as")
        raise UserError(f"{source.files[0]}: one row tells no step; give --frequency")
    frequency = _frequency(source, rows, ticks, orders, gaps, zone)
    reading = dataclasses.replace(known, written=rows.times.written)
    off = _misfit(frequency, ticks, orders)
    given = source.frequency is not None
    if not given:
        _check_doubles(source, rows, ticks, orders, "has the same time as")
    if known.snap:
        reading = dataclasses.replace(reading, snap=known.snap, phase=known.phase)
    elif off is None:
        reading = dataclasses.replace(reading, snap="")
    elif known.snap is None and given:
        snap, phase = _rule(frequency, ticks, gaps)
        reading = dataclasses.replace(reading, snap=snap, phase=phase)
    else:
        _refuse(rows, ticks, off, frequency, gaps)
    if reading.snap:
        before, ticks = ticks, _snapped(ticks, frequency, reading)
        notes.append(_snap_note(before, ticks, frequency, reading))
    same = "lies in the same step as" if reading.snap else "has the same time as"
    _check_doubles(source, rows, ticks, orders, same)
    double = sum(int(np.sum(np.diff(ticks[order]) == 0)) for order in orders)
    if double:
        notes.append(
            f"{double:,} rows share a step of their series with another: --aggregate "
            f"{reading.aggregate}"
        )
    return Steps(frequency, reading, ticks, orders, tuple(notes))


def _in_zone(source: Source, rows: Observations) -> tuple[Ticks, str]:
    """Times as they count: in UTC with a zone for short steps, and else what clocks show."""
    zone, ticks = source.reading.zone, rows.times.ticks
    if not zone:
        return ticks, ""
    if not rows.times.dated:
        raise UserError(f"--time-zone {zone}: times are whole numbers, which have none")
    local = zones.to_local(ticks, zone) if rows.times.aware else ticks
    if source.frequency is not None:
        short = bool(Frequency.parse(source.frequency, zone).zone)
    else:
        gaps = _gaps(local, tuple(_in_order(local, rows)))
        short = len(gaps) > 0 and middle(gaps) < _DAY_OR_SO
    if not short or rows.times.aware:
        return (ticks, zone) if short else (local, "")
    utc, never = zones.to_utc(ticks, rows.owners, zone)
    for row in np.flatnonzero(never)[:1]:
        raise UserError(
            f"{rows.where(int(row))}: {np.datetime64(int(ticks[row]), 'us').item()} never was in "
            f"{zone}, where clocks were set forward: if these clocks are not, leave out "
            "--time-zone, or give one without summer time, such as Etc/GMT-1 for UTC+1"
        )
    return utc, zone


def _in_order(ticks: Ticks, rows: Observations) -> Iterator[Order]:
    """For each series, the numbers of its rows in order of time."""
    order = np.lexsort((ticks, rows.owners))
    ends = np.searchsorted(rows.owners[order], np.arange(1, len(rows.keys)))
    yield from np.split(order, ends)


def _gaps(ticks: Ticks, orders: tuple[Order, ...]) -> Ticks:
    """The distances of rows of a series that are not at the same time."""
    gaps = np.concatenate([np.diff(ticks[order]) for order in orders])
    return gaps[gaps > 0]


def _frequency(
    source: Source,
    rows: Observations,
    ticks: Ticks,
    orders: tuple[Order, ...],
    gaps: Ticks,
    zone: str,
) -> Frequency:
    """The step: the one that is given, or the first of the likely ones on which all rows lie."""
    dated = rows.times.dated
    if source.frequency is not None:
        frequency = Frequency.parse(source.frequency, zone)
        if (frequency.kind == "index") == dated:
            what = "dates" if dated else "whole numbers"
            raise UserError(
                f"{source.files[0]}: times are {what}, which {frequency} is no step of; give "
                "another --frequency"
            )
        return frequency
    likely = infer_frequency(gaps, dated=dated)
    if dated and likely[0].size == DAY and _only_weekdays(ticks):
        likely.insert(0, Frequency("business", 1))
    likely = [Frequency.parse(str(each), zone) for each in likely]
    fits = (each for each in likely if _misfit(each, ticks, orders) is None)
    return next(fits, likely[-1])


def _misfit(
    frequency: Frequency, ticks: Ticks, orders: tuple[Order, ...]
) -> tuple[int, int] | None:
    """A row that lies on no step of its series, and the first one of that; None if all do."""
    for order in orders:
        fits = frequency.fits(ticks[order])
        if not fits.all():
            return int(order[np.argmin(fits)]), int(order[0])
    return None


def _only_weekdays(ticks: Ticks) -> bool:
    weekday = (ticks // DAY + 3) % 7
    return bool(np.all(weekday < 5) and np.ptp(ticks) >= _WEEKENDS)


def _refuse(
    rows: Observations, ticks: Ticks, off: tuple[int, int], frequency: Frequency, gaps: Ticks
) -> NoReturn:
    row, first = off
    hint = "regular times"
    if rows.times.dated:
        gap = middle(gaps) if len(gaps) else frequency.size
        hint = f"--frequency {_nice(gap)}, which brings times to its steps (see also --aggregate)"
        if rows.times.aware and gap >= _DAY_OR_SO:
            hint = f"--time-zone, since days begin at another hour of UTC in summer, or {hint}"
    begin, there = (frequency.text(int(ticks[at])) for at in (first, row))
    raise UserError(
        f"{rows.where(row)}: {there} is no whole number of steps of {frequency} after {begin}, "
        f"where its series begins; give {hint}"
    )


def _nice(gap: int) -> str:
    """The frequency that people would call a distance of rows by."""

    def apart(text: str) -> float:
        frequency = Frequency.parse(text)
        size = frequency.size * (_MONTH if frequency.kind == "months" else 1)
        return abs(math.log(gap / size))

    return min(_NICE, key=apart)


def _rule(frequency: Frequency, ticks: Ticks, gaps: Ticks) -> tuple[str, int]:
    """How times are brought to steps, and from where steps count."""
    size = frequency.size
    if frequency.kind in ("months", "business"):
        return _WITHIN, 0
    if len(gaps) and middle(gaps) < 0.75 * size:
        return _WITHIN, _MONDAY if frequency.kind == "time" and size % (7 * DAY) == 0 else 0
    # The middle of where rows lie in a step, which is a circle.
    angles = 2 * np.pi * (ticks % size) / size
    mean = np.angle(np.mean(np.exp(1j * angles))) / (2 * np.pi) * size
    apart = (ticks - round(mean) + size // 2) % size - size // 2
    phase = round(mean) + middle(apart)
    for unit in (HOUR, HOUR // 60, HOUR // 3600) if frequency.kind == "time" else ():
        nice = round(phase / unit) * unit
        if size % unit == 0 and abs(nice - phase) <= np.median(np.abs(apart)):
            return _NEAREST, nice % size
    return _NEAREST, phase % size


def _snapped(ticks: Ticks, frequency: Frequency, reading: Reading) -> Ticks:
    size = frequency.size
    if frequency.kind == "months":
        month = (ticks // DAY).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        first = (month // size * size).astype("datetime64[M]")
        return first.astype("datetime64[us]").astype(np.int64)
    if frequency.kind == "business":
        days = np.busday_offset((ticks // DAY).astype("datetime64[D]"), 0, "backward")
        return days.astype(np.int64) * DAY
    shift = size // 2 if reading.snap == _NEAREST else 0
    return (ticks - reading.phase + shift) // size * size + reading.phase


def _snap_note(before: Ticks, after: Ticks, frequency: Frequency, reading: Reading) -> str:
    told = f"{int(np.sum(before != after)):,} of {len(after):,} times"
    if reading.snap == _NEAREST:
        most = int(np.max(np.abs(after - before)))
        far = f"{most / 1e6:g} s" if frequency.kind == "time" else str(most)
        return f"{told} are rounded to steps of {frequency}, by at most {far}"
    return f"{told} count for the step of {frequency} that they lie in"


def _check_doubles(
    source: Source, rows: Observations, ticks: Ticks, orders: tuple[Order, ...], same: str
) -> None:
    if source.reading.aggregate:
        return
    for order in orders:
        for at in np.flatnonzero(np.diff(ticks[order]) == 0)[:1]:
            first, second = sorted(map(int, order[at : at + 2]))
            hint = "give --aggregate mean, sum or last"
            if not source.columns.keys and not source.columns.per_file:
                hint += "; or --series, if there are several series"
            if rows.times.dated and not source.columns.parts and not np.any(ticks % DAY):
                hint += "; or --time with a second column, if it holds the time of day"
            local = rows.times.dated and not rows.times.aware and not source.reading.zone
            if local and np.any(ticks % DAY):
                hint += "; or --time-zone, if clocks were set back"
            raise UserError(f"{rows.where(second)} {same} {rows.where(first)}: {hint}")
