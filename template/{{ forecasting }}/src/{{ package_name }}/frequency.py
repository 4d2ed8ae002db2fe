"""The step of a series: the points in time that it leads to, and what the calendar says of them.

A point in time is one integer, a tick: microseconds since 1970, or the number itself where a series
is counted and not dated.
"""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from . import zones
from .errors import UserError

HOUR = 3_600_000_000
DAY = 24 * HOUR
_FIXED = {"us": 1, "ms": 1000, "s": 10**6, "min": HOUR // 60, "h": HOUR, "d": DAY, "w": 7 * DAY}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_BUSINESS = "b"

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

# Seasons, in the unit of a frequency's size, that are the calendar's: a day, a week, a year.
_CALENDAR = {
    "time": (DAY, 7 * DAY, 364 * DAY, 365 * DAY),
    "months": (12,),
    "business": (5,),
    "index": (),
}

# Sine and cosine of the place in the day, in the week, in the year and in the season.
NUM_FEATURES = 8


@dataclass(frozen=True)
class Frequency:
    """A fixed length of time, a number of months, of business days, or of an index.

    Business days are those from Monday to Friday.

    Attributes:
        kind: Which of them.
        size: Microseconds, months, days or numbers in a step.
        zone: The time zone whose clocks count, where ticks are in UTC all the same: for steps
            shorter than a day. For longer ones ticks are what the clocks show, and this is empty.
    """

    kind: Literal["time", "months", "business", "index"]
    size: int
    zone: str = ""

    @classmethod
    def parse(cls, text: str, zone: str = "") -> "Frequency":
        """The frequency that `text` spells, such as ``15min``, ``1b``, ``1mo``, or ``1``.

        Args:
            text: What `str` makes of it.
            zone: The time zone of the series, if they have one.

        Raises:
            UserError: It spells none.
        """
        found = re.fullmatch(r"([1-9]\d*)([a-z]*)", text)
        unit = found[2] if found else "?"
        units = ("", _BUSINESS, *_FIXED, *_MONTHS)
        if not found or unit not in units:
            units = ", ".join((*_FIXED, _BUSINESS, *_MONTHS))
            raise UserError(
                f"--frequency {text} is no frequency: give a number and one of {units}, such as "
                "15min, or a number alone for an integer index"
            )
        count = int(found[1])
        if unit in _MONTHS:
            return cls("months", count * _MONTHS[unit])
        if unit in _FIXED:
            size = count * _FIXED[unit]
            return cls("time", size, zone if size < DAY else "")
        return cls("business" if unit else "index", count)

    def __str__(self) -> str:
        """As `parse` reads it."""
        if self.kind == "index":
            return str(self.size)
        if self.kind == "business":
            return f"{self.size}{_BUSINESS}"
        units = _MONTHS if self.kind == "months" else _FIXED
        unit = next(name for name in reversed(units) if self.size % units[name] == 0)
        return f"{self.size // units[unit]}{unit}"

    def default_season(self) -> int:
        """Steps in the period that such series usually repeat with: 1 where there is none.

        It is a year for months and weeks, a week for days and business days, a day for hours and
        minutes, an hour for seconds.
        """
        if self.kind == "index":
            return 1
        if self.kind == "months":
            return 12 // self.size if 12 % self.size == 0 else 1
        if self.kind == "business":
            return 5 // self.size if 5 % self.size == 0 else 1
        if self.size == 7 * DAY:
            return 52
        period = HOUR if self.size < HOUR // 60 else DAY if self.size < DAY else 7 * DAY
        return period // self.size if period % self.size == 0 else 1

    def ticks(
        self, start: Int64[np.ndarray, "..."], steps: Int64[np.ndarray, "..."]
    ) -> Int64[np.ndarray, "..."]:
        """The points in time so many steps after `start`, in shapes that broadcast.

        Months keep the day of `start`, or the last one where a month is shorter; where `start` is
        the last day of its month, all are.
        """
        if self.kind == "business":
            days, rest = np.divmod(start, DAY)
            dates = np.busday_offset(days.astype("datetime64[D]"), steps * self.size, "backward")
            return dates.astype(np.int64) * DAY + rest
        if self.kind != "months":
            return start + steps * self.size
        first, day, rest = _calendar_day(start)
        month = first + steps * self.size
        last, start_last = _days_in(month) - 1, _days_in(first) - 1
        day = np.where(day == start_last, last, np.minimum(day, last))
        return (_first_day(month) + day) * DAY + rest

    def steps(
        self, start: Int64[np.ndarray, "..."], ticks: Int64[np.ndarray, "..."]
    ) -> Int64[np.ndarray, "..."]:
        """How many steps after `start` a point in time lies, rounded down."""
        if self.kind == "business":
            begin, end = ((each // DAY).astype("datetime64[D]") for each in (start, ticks))
            return np.busday_count(begin, end).astype(np.int64) // self.size
        if self.kind != "months":
            return (ticks - start) // self.size
        return (_calendar_day(ticks)[0] - _calendar_day(start)[0]) // self.size

    def fits(self, ticks: Int64[np.ndarray, " num_steps"]) -> Bool[np.ndarray, " num_steps"]:
        """Which of the points in time, in order, lie a whole number of steps after the first."""
        start = ticks[:1]
        return self.ticks(start, self.steps(start, ticks)) == ticks

    def text(self, tick: int) -> str:
        """A point in time as ISO 8601, without a time of day where steps are whole days."""
        if self.kind == "index":
            return str(tick)
        if self.zone:
            local = self.local(np.array(tick)).item()
            minutes = (local - tick) // _FIXED["min"]
            sign, (hours, minutes) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
            return f"{self._iso(local)}{sign}{hours:02}:{minutes:02}"
        return self._iso(tick)

    def tick(self, text: str) -> int:
        """The point in time that `text` wrote."""
        if self.zone:
            since = datetime.datetime.fromisoformat(text) - _EPOCH
            return since // datetime.timedelta(microseconds=1)
        return int(text if self.kind == "index" else np.datetime64(text, "us").astype(np.int64))

    def local(self, ticks: Int64[np.ndarray, "*points"]) -> Int64[np.ndarray, "*points"]:
        """What the clocks show at points in time."""
        return zones.to_local(ticks, self.zone) if self.zone else ticks

    def features(
        self, ticks: Int64[np.ndarray, "*points"], season: int
    ) -> Float32[np.ndarray, "*points num_features"]:
        """Sine and cosine of the place in the day, the week, the year and the season.

        Zeros stand for a period that steps are too coarse for, and for a season that is one of the
        other three: the calendar knows that a year has 52.18 weeks, and not 52.
        """
        found = np.zeros((*ticks.shape, NUM_FEATURES), np.float32)
        for number, phase in enumerate(self._phases(ticks, season)):
            if phase is not None:
                found[..., 2 * number] = np.sin(2 * np.pi * phase)
                found[..., 2 * number + 1] = np.cos(2 * np.pi * phase)
        return found

    def _phases(
        self, ticks: Int64[np.ndarray, "*points"], season: int
    ) -> Iterator[Float[np.ndarray, "*points"] | None]:
        local = self.local(ticks)
        step = self.size * {"months": 30 * DAY, "business": DAY}.get(self.kind, 1)
        day, week, year = (
            self.kind != "index" and 2 * step <= period for period in (DAY, 7 * DAY, 365 * DAY)
        )
        yield local % DAY / DAY if day else None
        yield local % (7 * DAY) / (7 * DAY) if week else None
        yield _place_in_year(local) if year else None
        known = season == 1 or season * self.size in _CALENDAR[self.kind]
        yield None if known else self.steps(np.zeros(1, np.int64), ticks) % season / season

    def _iso(self, tick: int) -> str:
        step = self.size if self.kind == "time" else DAY
        units = (("D", DAY), ("s", _FIXED["s"]), ("us", 1))
        unit = next(unit for unit, size in units if tick % size == step % size == 0)
        return str(np.datetime64(tick, "us").astype(f"datetime64[{unit}]"))


def middle(values: Int64[np.ndarray, "_"]) -> int:
    """The median; of an even number of values the upper one."""
    return int(np.sort(values)[len(values) // 2])


def infer_frequency(gaps: Int64[np.ndarray, " points"], *, dated: bool) -> list[Frequency]:
    """Frequencies to try, the likeliest first, by the median gap between neighbours.

    Args:
        gaps: Differences of neighbouring ticks, all positive; at least one.
        dated: Whether ticks are microseconds.
    """
    median = middle(gaps)
    if not dated:
        return [Frequency("index", median)]
    found = [Frequency("time", median)]
    months = round(median / (365.2425 / 12 * DAY))
    if months and abs(median - months * 365.2425 / 12 * DAY) <= 3 * DAY:
        found.append(Frequency("months", months))
    return found


def _calendar_day(
    ticks: Int64[np.ndarray, "..."],
) -> tuple[Int64[np.ndarray, "..."], Int64[np.ndarray, "..."], Int64[np.ndarray, "..."]]:
    """Month since 1970, day in it from 0, and microseconds in that day."""
    days, rest = np.divmod(ticks, DAY)
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return month, days - _first_day(month), rest


def _place_in_year(ticks: Int64[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    year = ticks.astype("datetime64[us]").astype("datetime64[Y]")
    years = (year, year + np.timedelta64(1, "Y"))
    begin, end = (one.astype("datetime64[us]").astype(np.int64) for one in years)
    return (ticks - begin) / (end - begin)


def _first_day(month: Int64[np.ndarray, "..."]) -> Int64[np.ndarray, "..."]:
    return month.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _days_in(month: Int64[np.ndarray, "..."]) -> Int64[np.ndarray, "..."]:
    return _first_day(month + 1) - _first_day(month)
