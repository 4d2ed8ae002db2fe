"""How people write dates and durations; `spelling.py` lists the ways."""

import functools
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from jaxtyping import Bool, Int64

pc: Any = pyarrow.compute  # its functions are made when it is imported, unseen by type checkers

NAIVE = pa.timestamp("us")

_ORDERS = ("d/m/y", "m/d/y", "y/m/d")
DATES = (*_ORDERS, *(f"{order} z" for order in _ORDERS))
DURATIONS = {
    "h:m:s": r"^(?P<sign>-?)(?:(?P<days>\d+) days?,? \+?)?"
    r"(?P<hours>\d+):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d(?:\.\d+)?)$",
    "a:b": r"^(?P<sign>-?)(?P<minutes>\d+):(?P<seconds>[0-5]\d)$",
    "PT1H30M": r"^(?P<sign>-?)P(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?$",
}
_SECONDS = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
_DATE = (
    r"^(?P<a>\d{1,4})[./-](?P<b>\d{1,2})[./-](?P<c>\d{1,4})"
    r"(?:[ T,]+(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)"
    r"(?:[.,](?P<fraction>\d{1,6})\d*)?)?(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?)?"
    r" ?(?P<zone>(?:Z|[-+]\d{2}:?\d{2})?)$"
)


def read_durations(texts: pa.StringArray, written: str) -> pa.Array:
    """The seconds of durations; null where a text is null or not so written."""
    parts = pc.extract_regex(texts, DURATIONS[written])
    fields = {field.name: pc.struct_field(parts, field.name) for field in parts.type}
    minus = pc.equal(fields.pop("sign"), "-")
    seconds = {
        name: pc.multiply(_filled(text).cast(pa.float64()), _SECONDS[name])
        for name, text in fields.items()
    }
    total = functools.reduce(pc.add, seconds.values())
    negative = pc.negate(total)
    if written == "h:m:s":  # in -1 days +02:00:00 the sign is that of the days
        apart = pc.subtract(total, pc.multiply(seconds["days"], 2.0))
        negative = pc.if_else(pc.equal(fields["days"], ""), negative, apart)
    return pc.if_else(minus, negative, total)


def read_dates(texts: pa.StringArray, written: str) -> pa.Array:
    """The dates of texts; null where a text is null or not so written."""
    order, _, zone = written.partition(" ")
    parts = pc.extract_regex(texts, _DATE)
    fields = dict(zip(order.split("/"), "abc", strict=True))
    year_text = pc.struct_field(parts, fields["y"])
    short = _equal(pc.binary_length(year_text), 2)
    fits = short if order != "y/m/d" else np.zeros(len(texts), bool)
    fits = (fits | _equal(pc.binary_length(year_text), 4)) & _equal(
        pc.equal(pc.struct_field(parts, "zone"), ""), not zone
    )
    year, month, day = (_whole(parts, fields[name]) for name in "ymd")
    year = np.where(short, year + np.where(year < 69, 2000, 1900), year)
    fits &= (month >= 1) & (month <= 12) & (day >= 1)
    first = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = first.astype("datetime64[D]") + (day - 1)
    fits &= days.astype("datetime64[M]") == first
    hour, half = _whole(parts, "hour"), pc.utf8_lower(pc.struct_field(parts, "half"))
    twelve, later = _equal(pc.not_equal(half, ""), True), _equal(half, "p")
    fits &= np.where(twelve, (hour >= 1) & (hour <= 12), hour <= 23)
    hour = np.where(twelve, hour % 12 + 12 * later, hour)
    seconds = (hour * 60 + _whole(parts, "minute")) * 60 + _whole(parts, "second")
    fraction = pc.utf8_rpad(pc.struct_field(parts, "fraction"), 6, "0").cast(pa.int64())
    ticks = days.astype("datetime64[us]").astype(np.int64) + seconds * 10**6
    ticks += fraction.fill_null(0).to_numpy(zero_copy_only=False)
    if zone:
        ticks -= _offsets(pc.struct_field(parts, "zone")) * 60 * 10**6
    return pa.array(ticks, mask=~fits).cast(NAIVE)


def _offsets(zones: pa.StringArray) -> Int64[np.ndarray, " batch"]:
    """Minutes east of Greenwich."""
    parts = pc.extract_regex(zones, r"^(?P<sign>[-+])(?P<hours>\d{2}):?(?P<minutes>\d{2})$")
    minutes = 60 * _whole(parts, "hours") + _whole(parts, "minutes")
    return np.where(_equal(pc.struct_field(parts, "sign"), "-"), -minutes, minutes)


def _whole(parts: pa.StructArray, name: str) -> Int64[np.ndarray, " batch"]:
    """A part as numbers, 0 where there is none."""
    text = _filled(pc.struct_field(parts, name))
    return text.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)


def _filled(text: pa.StringArray) -> pa.StringArray:
    """A part that is a number, 0 where there is none."""
    return pc.if_else(pc.equal(text, ""), "0", text)


def _equal(column: pa.Array, value: object) -> Bool[np.ndarray, " batch"]:
    """Where a column has a value; not where it is null."""
    return pc.equal(column, value).fill_null(False).to_numpy(zero_copy_only=False)
