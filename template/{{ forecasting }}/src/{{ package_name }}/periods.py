"""Texts that name a point in time with words of the calendar: quarters, weeks, months.

A way of writing has a text that shows it, such as ``1960Q1``. A period is read as its first day.
"""

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Int64

from .dates import pc
from .frequency import DAY, HOUR

_MONTHS = (
    *("jan(?:uary)?", "feb(?:ruary)?", "mar(?:ch)?", "apr(?:il)?", "may", "june?", "july?"),
    *("aug(?:ust)?", "sept?(?:ember)?", "oct(?:ober)?", "nov(?:ember)?", "dec(?:ember)?"),
)
_NAMES = tuple(name[:3] for name in _MONTHS)
_NAME = rf"(?P<name>{'|'.join(_MONTHS)})\.?"
_MONTH = r"(?P<month>0?[1-9]|1[0-2])"
_YEAR = r"(?P<year>\d{4})"
_DAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,? +)?"
_DAY += r"(?P<day>\d{1,2})(?:st|[nr]d|th)?"
_CLOCK = r"(?:[ t,]+(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?)?"

WAYS = {
    "1960Q1": rf"{_YEAR}[-/ ]?q(?P<quarter>[1-4])",
    "Q1 1960": rf"q(?P<quarter>[1-4])[-/ ]?{_YEAR}",
    "1960H1": rf"{_YEAR}[-/ ]?[hs](?P<half>[12])",
    "1960-W05": rf"{_YEAR}-?w(?P<week>\d{{1,2}})(?:-?(?P<weekday>[1-7]))?",
    "1960-01": rf"{_YEAR}(?:[-/.]|[-/. ]?m){_MONTH}",
    "1960 1": rf"{_YEAR} {_MONTH}",
    "1960 1 31": rf"{_YEAR} {_MONTH} (?P<day>\d{{1,2}})",
    "1960 1 31 17": rf"{_YEAR} {_MONTH} (?P<day>\d{{1,2}}) (?P<hour>[01]?\d|2[0-3])",
    "1960 1 31 17 0": rf"{_YEAR} {_MONTH} (?P<day>\d{{1,2}}) (?P<hour>[01]?\d|2[0-3])"
    r" (?P<minute>[0-5]?\d)",
    "01/1960": rf"{_MONTH}[-/.]{_YEAR}",
    "Jan 1960": rf"{_NAME}[-/ ,_]*{_YEAR}",
    "1960 Jan": rf"{_YEAR}[-/ ,_]*{_NAME}",
    "Jan-60": rf"{_NAME}[-/ ']+(?P<short>\d\d)",
    "31 Jan 1960": rf"{_DAY}[-./ ]*{_NAME}[-,./ ]*(?:{_YEAR}|(?P<short>\d\d)){_CLOCK}",
    "Jan 31, 1960": rf"{_NAME}[-./ ]*(?P<day>\d{{1,2}})(?:st|[nr]d|th)?[, ]+{_YEAR}{_CLOCK}",
}

FISCAL = r"(?i)^(?:fy ?'?\d{2,4}[-/ ]?q[1-4]|q[1-4][-/ ]?fy ?'?\d{2,4})$"
"""Quarters of a year that begins nobody says when."""

_FIRST = 100  # cells that settle most columns
Ints = Int64[np.ndarray, " points"]
Fields = dict[str, pa.StringArray]


def read_periods(texts: pa.StringArray, way: str) -> Ints | None:
    """Microseconds since 1970; None if a text is not so written, or names no point in time."""
    parts = pc.extract_regex(texts, f"(?i)^{WAYS[way]}$")
    if parts.null_count:
        return None
    fields = {field.name: pc.struct_field(parts, field.name) for field in parts.type}
    ticks, there = _weeks(fields) if "week" in fields else _days(fields)
    return ticks if there.all() else None


def ways_of(texts: pa.StringArray) -> list[str]:
    """The ways in which all texts may be written."""
    likely = [way for way in WAYS if read_periods(texts[:_FIRST], way) is not None]
    return [way for way in likely if read_periods(texts, way) is not None]


def _weeks(fields: Fields) -> tuple[Ints, Bool[np.ndarray, " points"]]:
    """Points in time by weeks as ISO 8601 counts them, and which of them there are."""
    year, week = _number(fields, "year"), _number(fields, "week")
    fourth = _day(year, 1, 4)  # of January, which lies in the first week
    monday = fourth - (fourth + 3) % 7 + 7 * (week - 1)
    thursday = monday + 3  # its year is that of the week
    weekday = np.maximum(_number(fields, "weekday"), 1)
    return (monday + weekday - 1) * DAY, (week >= 1) & (thursday < _day(year + 1, 1, 1))


def _days(fields: Fields) -> tuple[Ints, Bool[np.ndarray, " points"]]:
    """Points in time by months and what consists of them, and which of them there are."""
    year, short = _number(fields, "year"), _number(fields, "short")
    year = np.where(short < 0, year, short + np.where(short < 69, 2000, 1900))
    month = _number(fields, "month")
    if "name" in fields:
        begin = pc.utf8_lower(pc.utf8_slice_codeunits(fields["name"], 0, 3))
        month = pc.index_in(begin, pa.array(_NAMES)).to_numpy(zero_copy_only=False) + np.int64(1)
    elif "quarter" in fields:
        month = 3 * _number(fields, "quarter") - 2
    elif "half" in fields:
        month = 6 * _number(fields, "half") - 5
    day = np.abs(_number(fields, "day"))  # the first, where there is none
    days = _day(year, month, day)
    hour, minute, second = (
        np.maximum(_number(fields, name), 0) for name in ("hour", "minute", "second")
    )
    seconds = (hour * 60 + minute) * 60 + second
    following = _day(year, month + 1, 1)
    return days * DAY + seconds * (HOUR // 3600), (day >= 1) & (days < following)


def _number(fields: Fields, name: str) -> Ints:
    """A part as numbers, -1 where there is none."""
    if name not in fields:
        count = len(next(iter(fields.values())))
        return np.full(count, -1)
    text = pc.if_else(pc.equal(fields[name], ""), "-1", fields[name])
    return text.cast(pa.int64()).to_numpy(zero_copy_only=False)


def _day(year: Ints, month: Ints | int, day: Ints | int) -> Ints:
    """Days since 1970."""
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    return first.astype("datetime64[D]").astype(np.int64) + day - 1
