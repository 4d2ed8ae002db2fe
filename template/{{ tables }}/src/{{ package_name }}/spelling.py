"""How people write numbers, dates and durations.

A way of writing has a text that shows it:

- ``$ 1,234.5``, ``1.234,5 kg``, ``1234,5``: numbers, with the mark that groups their digits, the
  decimal mark, and a currency or unit that stands in every cell;
- ``d/m/y``, ``m/d/y``, ``y/m/d``, or the same with ``z`` if every date states a zone: dates with
  any of ``/ . -`` between the parts, and perhaps a time of day;
- ``h:m:s`` (also ``1 days 02:00:00``) and ``PT1H30M``: durations, read as seconds; ``a:b``, read as
  60 a + b.

All cells of a column decide which one it follows. Where two ways give different values, a `Doubt`
says which option settles it.
"""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from jaxtyping import Bool, Int64

pc: Any = pyarrow.compute  # its functions are made when it is imported, unseen by type checkers

NAIVE = pa.timestamp("us")

_ORDERS = ("d/m/y", "m/d/y", "y/m/d")
_DATES = (*_ORDERS, *(f"{order} z" for order in _ORDERS))
_DURATIONS = {
    "h:m:s": r"^(?P<sign>-?)(?:(?P<days>\d+) days?,? \+?)?"
    r"(?P<hours>\d+):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d(?:\.\d+)?)$",
    "a:b": r"^(?P<sign>-?)(?P<minutes>\d+):(?P<seconds>[0-5]\d)$",
    "PT1H30M": r"^(?P<sign>-?)P(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?$",
}
_SECONDS = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}

# Decimal marks with what groups digits.
_MARKS = ((".", ""), (",", ""), (".", ","), (",", "."), *((d, g) for g in "' " for d in ".,"))
_CURRENCY = r"\p{Lu}{0,3}\p{Sc}|USD|EUR|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|BRL|CAD|AUD"
_NUMBER = (
    rf"^(?P<sign>[-+]?) ?(?P<before>(?:{_CURRENCY})?) ?(?P<inner>[-+]?)"
    r"(?P<digits>[\d.,](?:[\d.,' ]*[\d.,])?(?:[eE][-+]?\d+)?)"
    r" ?(?P<after>(?:[\p{L}\p{Sc}%‰°µ][\p{L}\p{Sc}%‰°µ²³/·]*[23]?)?)$"
)
_SHOWN = re.compile(r"(?:(\S+) )?1([,.' ]?)234([.,])5(?: (\S+))?")
_DATE = (
    r"^(?P<a>\d{1,4})[./-](?P<b>\d{1,2})[./-](?P<c>\d{1,4})"
    r"(?:[ T,]+(?P<hour>\d{1,2}):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)"
    r"(?:[.,](?P<fraction>\d{1,6})\d*)?)?(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?)?"
    r" ?(?P<zone>(?:Z|[-+]\d{2}:?\d{2})?)$"
)
_PLAIN_MARKS = {"[\u00a0\u2007\u2009\u202f]": " ", "[\u2018\u2019\u00b4]": "'", "\u2212": "-"}
_MOST_UNITS = 20  # of a column that is said to have several
_FIRST = 16  # cells that settle most columns; its square settles nearly all


class Doubt(Exception):
    """The cells of a column can be read in two ways."""


def is_shown(written: str) -> bool:
    """Whether a text shows a way of writing."""
    return written in (*_DATES, *_DURATIONS) or _SHOWN.fullmatch(written) is not None


def type_of(written: str) -> pa.DataType:
    """The type of what is so written."""
    return NAIVE if written in _DATES else pa.float64()


def read(texts: pa.StringArray, written: str) -> pa.Array:
    """The values of texts; null where a text is null or not so written."""
    texts = _with_plain_marks(texts)
    if written in _DATES:
        return _dates(texts, written)
    if written in _DURATIONS:
        return _durations(texts, _DURATIONS[written])
    shown = _SHOWN.fullmatch(written)
    if shown is None:
        raise ValueError(f"{written!r} shows no way of writing")
    before, group, decimal, after = (part or "" for part in shown.groups())
    numbers = _quickly(texts, before, group, decimal, after)
    if numbers is not None:
        return numbers
    parts = _parts(texts)
    sign, inner, digits = (pc.struct_field(parts, name) for name in ("sign", "inner", "digits"))
    fits = pc.match_substring_regex(digits, _digits(decimal, group))
    fits = pc.and_(fits, pc.equal(pc.struct_field(parts, "before"), before))
    fits = pc.and_(fits, pc.equal(pc.struct_field(parts, "after"), after))
    digits = pc.replace_substring(digits, group, "") if group else digits
    digits = pc.replace_substring(digits, decimal, ".")
    numbers = pc.binary_join_element_wise(sign, inner, digits, "")
    return pc.if_else(fits, numbers, pa.scalar(None, pa.string())).cast(pa.float64())


class Finder:
    """Which ways of writing a column may follow, fewer with every cell."""

    def __init__(self) -> None:
        self._some = False  # whether there was any cell
        self._words = [*_DATES, *_DURATIONS]
        self._marks = list(_MARKS)
        self._units: set[tuple[str, str]] = set()
        self._seen: set[str] = set()
        self._marked = ""  # a number with a mark in it
        self._date = ""  # a date that depends on the order

    @property
    def open(self) -> bool:
        """Whether there is any left."""
        return bool(self._words or self._marks)

    @property
    def mark(self) -> str:
        """The decimal mark, where the cells tell it; else nothing."""
        found = {decimal for decimal, _ in self._effective()} if len(self._units) == 1 else set()
        return found.pop() if len(found) == 1 else ""

    @property
    def note(self) -> str:
        """What keeps numbers from being read as such."""
        if not self._marks or len(self._units) < 2:
            return ""
        units = sorted(f"{before}{after}" or "none" for before, after in self._units)
        return f"numbers with different units: {', '.join(units)}"

    def add(self, texts: pa.StringArray) -> None:
        """Take in cells, none of them null."""
        for start, stop in ((0, _FIRST), (_FIRST, _FIRST**2), (_FIRST**2, len(texts))):
            part = texts[start:stop]
            if len(part) and self.open:
                self._some = True
                self._add(_with_plain_marks(part))

    def found(self, decimal: str, day_first: bool | None) -> str:
        """The way that all cells were written in; nothing if there is none.

        Args:
            decimal: The decimal mark, if it is known from elsewhere.
            day_first: Whether dates begin with the day, if that is known.

        Raises:
            Doubt: There are several.
        """
        if not self._some:
            return ""
        for zone in ("", " z"):
            if f"d/m/y{zone}" in self._words and f"m/d/y{zone}" in self._words:
                if self._date and day_first is None:
                    raise Doubt(
                        f"dates such as {self._date!r} begin with the day or the month: give "
                        "--day-first or --no-day-first"
                    )
                return f"m/d/y{zone}" if day_first is False else f"d/m/y{zone}"
        if self._words:
            return self._words[0]
        return self._number(decimal) if self._marks and len(self._units) == 1 else ""

    def _add(self, texts: pa.StringArray) -> None:
        values = {written: read(texts, written) for written in self._words}
        self._words = [written for written in self._words if not values[written].null_count]
        for zone in ("", " z"):
            day, month = f"d/m/y{zone}", f"m/d/y{zone}"
            if day in self._words and month in self._words and not self._date:
                self._date = _first(texts, pc.not_equal(values[day], values[month]))
        self._add_numbers(texts)

    def _number(self, known: str) -> str:
        found = self._effective()
        if len(found) > 1:  # a single mark, before three digits in every cell
            mark = next(filter(None, (group for _, group in found)))
            known = known or ("." if mark == "." else "")
            if not known:
                without, point = (self._marked.replace(mark, other) for other in ("", "."))
                raise Doubt(
                    f"{self._marked!r} may be {without} or {point}: give --decimal . or --decimal ,"
                )
            found = {(mark, "") if known == mark else ("", mark)}
        ((decimal, group),) = found
        decimal = decimal or {",": ".", ".": ","}.get(group) or known or "."
        ((before, after),) = self._units
        return f"{before} 1{group}234{decimal}5 {after}".strip()

    def _add_numbers(self, texts: pa.StringArray) -> None:
        if not self._marks or self._as_before(texts):
            return
        parts = _parts(texts)
        if parts.null_count:
            self._marks = []
            return
        digits = pc.struct_field(parts, "digits")
        self._marks = [
            marks
            for marks in self._marks
            if pc.all(pc.match_substring_regex(digits, _digits(*marks))).as_py()
        ]
        for mark in ",.' ":
            if pc.any(pc.match_substring(digits, mark)).as_py():
                self._seen.add(mark)
        before, after = (pc.struct_field(parts, name) for name in ("before", "after"))
        pairs = pc.unique(pc.binary_join_element_wise(before, after, "\n")).to_pylist()
        self._units |= {tuple(pair.split("\n")) for pair in pairs}
        if len(self._units) > _MOST_UNITS:
            self._marks = []
        if not self._marked:
            self._marked = _first(texts, pc.match_substring_regex(digits, "[,.]"))

    def _as_before(self, texts: pa.StringArray) -> bool:
        """Whether texts are numbers that add nothing to what is known of how they are written."""
        if len(self._units) != 1 or len(self._effective()) != 1:
            return False
        ((before, after),), ((decimal, group),) = self._units, self._effective()
        return bool(decimal) and _quickly(texts, before, group, decimal, after) is not None

    def _effective(self) -> set[tuple[str, str]]:
        """The marks that are left, without those that stand in no cell."""
        keep = self._seen
        return {(d if d in keep else "", g if g in keep else "") for d, g in self._marks}


def _first(texts: pa.StringArray, chosen: pa.BooleanArray) -> str:
    """The first of the chosen texts; nothing if there is none."""
    found = texts.filter(chosen)
    return found[0].as_py() if len(found) else ""


def _with_plain_marks(texts: pa.StringArray) -> pa.StringArray:
    """One minus, one apostrophe and one space instead of several of each."""
    if pc.all(pc.string_is_ascii(texts)).as_py():
        return texts
    for pattern, plain in _PLAIN_MARKS.items():
        texts = pc.replace_substring_regex(texts, pattern, plain)
    return texts


def _quickly(
    texts: pa.StringArray, before: str, group: str, decimal: str, after: str
) -> pa.Array | None:
    """The values, if all texts are plain numbers but for these marks; far less work than parts."""
    if before or after:
        around = pc.and_(pc.starts_with(texts, before), pc.ends_with(texts, after))
        if not pc.all(around).as_py():
            return None
        texts = pc.utf8_slice_codeunits(texts, len(before), -len(after) if after else None)
        texts = pc.utf8_trim_whitespace(texts)
    if group:
        digits = _digits(decimal, group).removeprefix("^")
        if not pc.all(pc.match_substring_regex(texts, f"^[-+]?{digits}")).as_py():
            return None
        texts = pc.replace_substring(texts, group, "")
    elif decimal != "." and pc.any(pc.match_substring(texts, ".")).as_py():
        return None
    try:
        numbers = pc.replace_substring(texts, decimal, ".").cast(pa.float64())
    except pa.ArrowInvalid:
        return None
    return numbers if pc.all(pc.is_finite(numbers)).as_py() else None


def _parts(texts: pa.StringArray) -> pa.StructArray:
    """The parts of numbers; null where a text is none, or has two signs."""
    parts = pc.extract_regex(texts, _NUMBER)
    one = pc.or_(*(pc.equal(pc.struct_field(parts, name), "") for name in ("sign", "inner")))
    return pc.if_else(one, parts, pa.scalar(None, parts.type))


def _digits(decimal: str, group: str) -> str:
    """The digits of a number with such marks."""
    point = re.escape(decimal)
    if not group:
        return rf"^(?:\d+(?:{point}\d*)?|{point}\d+)(?:[eE][-+]?\d+)?$"
    # Groups of two are those of lakh and crore.
    by = re.escape(group)
    return rf"^(?:\d+|[1-9]\d{{0,2}}(?:{by}\d{{2,3}})*{by}\d{{3}})(?:{point}\d*)?(?:[eE][-+]?\d+)?$"


def _durations(texts: pa.StringArray, pattern: str) -> pa.Array:
    parts = pc.extract_regex(texts, pattern)
    fields = {field.name: pc.struct_field(parts, field.name) for field in parts.type}
    minus = pc.equal(fields.pop("sign"), "-")
    total = pa.scalar(0.0)
    for name, text in fields.items():
        number = pc.if_else(pc.equal(text, ""), "0", text).cast(pa.float64())
        total = pc.add(total, pc.multiply(number, _SECONDS[name]))
    negative = pc.negate(total)
    if pattern == _DURATIONS["h:m:s"]:  # in -1 days +02:00:00 the sign is that of the days
        days = pc.if_else(pc.equal(fields["days"], ""), "0", fields["days"]).cast(pa.float64())
        days = pc.multiply(days, _SECONDS["days"])
        apart = pc.subtract(total, pc.multiply(days, 2.0))
        negative = pc.if_else(pc.equal(fields["days"], ""), negative, apart)
    return pc.if_else(minus, negative, total)


def _dates(texts: pa.StringArray, written: str) -> pa.Array:
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
    text = pc.struct_field(parts, name)
    text = pc.if_else(pc.equal(text, ""), "0", text)
    return text.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)


def _equal(column: pa.Array, value: object) -> Bool[np.ndarray, " batch"]:
    """Where a column has a value; not where it is null."""
    return pc.equal(column, value).fill_null(False).to_numpy(zero_copy_only=False)
