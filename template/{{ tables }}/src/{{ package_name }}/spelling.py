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

import pyarrow as pa

from .dates import DATES, DURATIONS, NAIVE, pc, read_dates, read_durations

# Decimal marks with what groups digits.
_MARKS = ((".", ""), (",", ""), (".", ","), (",", "."), *((d, g) for g in "' " for d in ".,"))
_CURRENCY = r"\p{Lu}{0,3}\p{Sc}|USD|EUR|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|BRL|CAD|AUD"
_NUMBER = (
    rf"^(?P<sign>[-+]?) ?(?P<before>(?:{_CURRENCY})?) ?(?P<inner>[-+]?)"
    r"(?P<digits>[\d.,](?:[\d.,' ]*[\d.,])?(?:[eE][-+]?\d+)?)"
    r" ?(?P<after>(?:[\p{L}\p{Sc}%‰°µ][\p{L}\p{Sc}%‰°µ²³/·]*[23]?)?)$"
)
_SHOWN = re.compile(r"(?:(\S+) )?1([,.' ]?)234([.,])5(?: (\S+))?")
_PLAIN_MARKS = {"[\u00a0\u2007\u2009\u202f]": " ", "[\u2018\u2019\u00b4]": "'", "\u2212": "-"}
_MOST_UNITS = 20  # of a column that is said to have several
_FIRST = 16  # cells that settle most columns; its square settles nearly all


class Doubt(Exception):
    """The cells of a column can be read in two ways."""


def is_shown(written: str) -> bool:
    """Whether a text shows a way of writing."""
    return written in (*DATES, *DURATIONS) or _SHOWN.fullmatch(written) is not None


def type_of(written: str) -> pa.DataType:
    """The type of what is so written."""
    return NAIVE if written in DATES else pa.float64()


def read(texts: pa.StringArray, written: str) -> pa.Array:
    """The values of texts; null where a text is null or not so written."""
    texts = _with_plain_marks(texts)
    if written in DATES:
        return read_dates(texts, written)
    if written in DURATIONS:
        return read_durations(texts, written)
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
        self._words = [*DATES, *DURATIONS]
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
