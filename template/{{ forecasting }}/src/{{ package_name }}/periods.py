"""Texts that name a point in time with words of the calendar: quarters, weeks, months.

A way of writing has a text that shows it, such as ``1960Q1``. A period is read as its first day.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from jaxtyping import Int64

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
_DAY += r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_CLOCK = r"(?:[ t,]+(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?)?"

WAYS = {
    "1960Q1": rf"{_YEAR}[-/ ]?q(?P<quarter>[1-4])",
    "Q1 1960": rf"q(?P<quarter>[1-4])[-/ ]?{_YEAR}",
    "1960H1": rf"{_YEAR}[-/ ]?[hs](?P<half>[12])",
    "1960-W05": rf"{_YEAR}-?w(?P<week>\d{{1,2}})(?:-?(?P<weekday>[1-7]))?",
    "1960-01": rf"{_YEAR}(?:[-/.]|[-/. ]?m){_MONTH}",
    "01/1960": rf"{_MONTH}[-/.]{_YEAR}",
    "Jan 1960": rf"{_NAME}[-/ ,_]*{_YEAR}",
    "1960 Jan": rf"{_YEAR}[-/ ,_]*{_NAME}",
    "Jan-60": rf"{_NAME}[-/ ']+(?P<short>\d\d)",
    "31 Jan 1960": rf"{_DAY}[-./ ]*{_NAME}[-,./ ]*(?:{_YEAR}|(?P<short>\d\d)){_CLOCK}",
    "Jan 31, 1960": rf"{_NAME}[-./ ]*(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[, ]+{_YEAR}{_CLOCK}",
}

FISCAL = r"(?i)^(?:fy ?'?\d{2,4}[-/ ]?q[1-4]|q[1-4][-/ ]?fy ?'?\d{2,4})$"
"""Quarters of a year that begins nobody says when."""

_NEVER = np.iinfo(np.int64).min


def read_periods(texts: pa.StringArray, way: str) -> Int64[np.ndarray, " points"] | None:
    """Microseconds since 1970; None if a text is not so written, or names no point in time."""
    parts = pc.extract_regex(texts, f"(?i)^{WAYS[way]}$")
    if parts.null_count:
        return None
    fields = {field.name: pc.struct_field(parts, field.name) for field in parts.type}
    ticks = np.select(*zip(*_cases(fields), strict=True), default=_NEVER)
    return None if np.any(ticks == _NEVER) else ticks


def ways_of(texts: pa.StringArray) -> list[str]:
    """The ways in which all texts may be written."""
    return [way for way in WAYS if read_periods(texts, way) is not None]


def _cases(
    fields: dict[str, pa.StringArray],
) -> Iterator[tuple[np.ndarray, Int64[np.ndarray, " points"]]]:
    """Where the texts are valid, and the points in time that they name there."""
    year, short = _number(fields, "year"), _number(fields, "short")
    year = np.where(short < 0, year, short + np.where(short < 69, 2000, 1900))
    if "week" in fields:
        week, weekday = _number(fields, "week"), np.maximum(_number(fields, "weekday"), 1)
        fourth = _day(year, 1, 4)  # of January, which lies in the first week
        monday = fourth - (fourth + 3) % 7 + 7 * (week - 1)
        last = monday + 3  # a week belongs to the year of its Thursday
        there = (week >= 1) & (last < _day(year + 1, 1, 1))
        yield there, (monday + weekday - 1) * DAY
        return
    month = _number(fields, "month")
    if "name" in fields:
        names = pa.array(_NAMES)
        found = pc.index_in(pc.utf8_lower(pc.utf8_slice_codeunits(fields["name"], 0, 3)), names)
        month = found.to_numpy(zero_copy_only=False).astype(np.int64) + 1
    elif "quarter" in fields:
        month = 3 * _number(fields, "quarter") - 2
    elif "half" in fields:
        month = 6 * _number(fields, "half") - 5
    day = np.abs(_number(fields, "day"))
    days = _day(year, month, day)
    clock = [np.maximum(_number(fields, name), 0) for name in ("hour", "minute", "second")]
    seconds = (clock[0] * 60 + clock[1]) * 60 + clock[2]
    same = days.astype("datetime64[D]").astype("datetime64[M]") == _first(year, month)
    yield (day >= 1) & same, days * DAY + seconds * (HOUR // 3600)


def _number(fields: dict[str, pa.StringArray], name: str) -> Int64[np.ndarray, " points"]:
    """A part as numbers, -1 where there is none."""
    if name not in fields:
        count = len(next(iter(fields.values())))
        return np.full(count, -1)
    text = pc.if_else(pc.equal(fields[name], ""), "-1", fields[name])
    return text.cast(pa.int64()).to_numpy(zero_copy_only=False)


def _first(year: np.ndarray, month: np.ndarray | int) -> np.ndarray:
    return ((year - 1970) * 12 + month - 1).astype("datetime64[M]")


def _day(year: np.ndarray, month: np.ndarray | int, day: np.ndarray | int) -> np.ndarray:
    """Days since 1970."""
    return _first(year, month).astype("datetime64[D]").astype(np.int64) + day - 1
