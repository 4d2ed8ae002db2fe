"""Points in time written as numbers: digits of a date, seconds since 1970, decimal years.

A way of writing has a name, such as ``YYYYMMDD``.
"""

import numpy as np
from jaxtyping import Float, Int64

from .frequency import DAY, HOUR

INDEX = "whole numbers"
YEARS = "decimal years"
SINCE = {  # in microseconds
    "seconds since 1970": 1e6,
    "milliseconds since 1970": 1e3,
    "microseconds since 1970": 1.0,
    "nanoseconds since 1970": 1e-3,
}
WAYS = ("YYYYMMDD", "YYYYMM", "YYYYMMDDhh", "YYYYMMDDhhmm", "YYYYMMDDhhmmss", *SINCE, YEARS, INDEX)

_PLAUSIBLE = (10 * 365 * DAY, 130 * 365 * DAY)  # from about 1980 to 2100
_TWELFTH = 0.02  # how far from whole months decimal years may be, of one

Numbers = Int64[np.ndarray, " points"] | Float[np.ndarray, " points"]
Ticks = Int64[np.ndarray, " points"]


def read_numbers(numbers: Numbers, way: str) -> Ticks | None:
    """Microseconds since 1970, or the numbers of an index; None if a number is not so written."""
    if way in SINCE:
        ticks = numbers.astype(np.float64) * SINCE[way]
        first, last = _PLAUSIBLE
        if not np.all((ticks >= first) & (ticks <= last)):
            return None
        if numbers.dtype == np.int64:  # float64 would round
            scale = SINCE[way]
            return numbers * int(scale) if scale >= 1 else numbers // round(1 / scale)
        return np.rint(ticks).astype(np.int64)
    if way == YEARS:
        return _years(numbers)
    if not np.all(np.abs(numbers) < 2**62):
        return None
    whole = numbers.astype(np.int64)
    if not np.array_equal(whole, numbers):
        return None
    return whole if way == INDEX else _digits(whole, way)


def ways_of(numbers: Numbers) -> list[str]:
    """The ways in which all numbers may be written, the likeliest first."""
    return [way for way in WAYS if read_numbers(numbers, way) is not None]


def are_years(numbers: Numbers) -> bool:
    """Whether all may be years."""
    return bool(np.all((numbers >= 1000) & (numbers < 3000)))


def _digits(numbers: Int64[np.ndarray, " points"], way: str) -> Ticks | None:
    rest, found = numbers, dict.fromkeys(("DD", "hh", "mm", "ss"), np.zeros_like(numbers))
    for part in reversed(found):
        if part in way:
            rest, found[part] = np.divmod(rest, 100)
    day, hour, minute, second = found.values()
    day = day if "DD" in way else day + 1
    year, month = np.divmod(rest, 100)
    there = (year >= 1000) & (year <= 9999) & (month >= 1) & (month <= 12) & (day >= 1)
    if not np.all(there & (hour <= 23) & (minute <= 59) & (second <= 59)):
        return None
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = first.astype("datetime64[D]") + (day - 1)
    if not np.array_equal(days.astype("datetime64[M]"), first):
        return None
    seconds = (hour * 60 + minute) * 60 + second
    return days.astype(np.int64) * DAY + seconds * (HOUR // 3600)


def _years(numbers: Numbers) -> Ticks | None:
    """Months written as 1949.083, of which at least one is not the first of its year."""
    if not np.all((numbers >= 1500) & (numbers < 2500)):
        return None
    months = np.rint(numbers * 12)
    if np.any(np.abs(numbers * 12 - months) > _TWELFTH) or not np.any(months % 12):
        return None
    first = (months.astype(np.int64) - 1970 * 12).astype("datetime64[M]")
    return first.astype("datetime64[us]").astype(np.int64)
