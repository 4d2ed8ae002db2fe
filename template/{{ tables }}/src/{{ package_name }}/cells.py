"""Cells of a table: what a text spells, and how columns are brought to one type."""

import pyarrow as pa

from . import spelling
from .dates import NAIVE, pc

# Texts that stand for a missing value, after blanks around them were dropped.
MISSING = (
    *("", "?", "<NA>", "#N/A", "N/A", "n/a", "NA", "na"),
    *("NaN", "nan", "NAN", "-nan", "-NaN", "NULL", "Null", "null", "None"),
)
UTC = pa.timestamp("us", "UTC")

# The types that all others of their kind are brought to.
PLAIN = (pa.null(), pa.int64(), pa.float64(), pa.bool_(), NAIVE, UTC, pa.string())

# What a text may spell, the first that fits. "true" and "false" are checked as words, because 0
# and 1 would pass for truth values too.
_SPELLED = (pa.int64(), pa.float64(), NAIVE, UTC)
_NAMES = {
    pa.int64(): "whole number",
    pa.float64(): "number",
    pa.bool_(): "truth value",
    NAIVE: "date",
    UTC: "date",
}


class BadCell(ValueError):
    """A cell that is not what its column should hold.

    Attributes:
        index: Which one of the column.
    """

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def type_of(text: pa.StringArray) -> pa.DataType:
    """The first of int64, float64, bool and timestamp that every cell spells, or else string."""
    there = text.drop_null()
    if not len(there):
        return pa.null()
    words = pa.array(["true", "false"])
    if pc.all(pc.is_in(pc.utf8_lower(there), value_set=words)).as_py():
        return pa.bool_()
    return next((dtype for dtype in _SPELLED if _spells(there, dtype)), pa.string())


def plain(dtype: pa.DataType) -> pa.DataType:
    """The type that stands for all types of its kind: int64 for all integers, and so on."""
    if pa.types.is_dictionary(dtype):
        return plain(dtype.value_type)
    if pa.types.is_integer(dtype):
        return pa.int64()
    if pa.types.is_floating(dtype) or pa.types.is_decimal(dtype):
        return pa.float64()
    if pa.types.is_duration(dtype) or pa.types.is_time(dtype):
        return pa.float64()  # in seconds
    if pa.types.is_date(dtype) or pa.types.is_timestamp(dtype):
        return NAIVE if getattr(dtype, "tz", None) is None else UTC
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or dtype == pa.string_view():
        return pa.string()
    return dtype


def common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type that holds the values of both: text, where nothing narrower does."""
    if one == other or other == pa.null():
        return one
    if one == pa.null():
        return other
    return pa.float64() if {one, other} == {pa.int64(), pa.float64()} else pa.string()


def texts_of(column: pa.Array) -> pa.StringArray:
    """The texts of a column without blanks around them; those for a missing value become null.

    Raises:
        BadCell: A text is not UTF-8.
    """
    if pa.types.is_binary(column.type):
        column = _cast(column, pa.string(), "is not UTF-8: give --encoding, such as cp1252")
    text = pc.utf8_trim_whitespace(column.cast(pa.string()))
    missing = pc.is_in(text, value_set=pa.array(MISSING))
    return pc.if_else(missing, pa.scalar(None, pa.string()), text)


def convert(column: pa.Array, dtype: pa.DataType, written: str = "") -> pa.Array:
    """Bring a column to a type; texts that spell a missing value, and NaN, become null.

    Args:
        column: Values, or texts (bytes of UTF-8, from a CSV file) that spell them.
        dtype: One of those that ``type_of`` and ``plain`` return. A date with a zone becomes one
            without by its time in UTC.
        written: How texts are written (see ``spelling.py``); plain numbers and ISO 8601 dates, if
            it is empty.

    Raises:
        BadCell: A text does not spell such a value, or is not UTF-8.
        pyarrow.ArrowException: The column's own type cannot be converted.
    """
    if dtype == pa.null():
        return pa.nulls(len(column))
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if holds_text(column.type):
        text = texts_of(column)
        if written and dtype != pa.string():
            return _read(text, written).cast(dtype)
        if dtype == NAIVE and _spells(text.drop_null(), UTC):
            text = _cast(text, UTC, "")  # all of them state a zone
        return _cast(text, dtype, f"is no {_NAMES.get(dtype, dtype)}")
    if pa.types.is_duration(column.type) or pa.types.is_time(column.type):
        unit = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[column.type.unit]
        whole = column.cast(pa.int32()) if column.type.bit_width == 32 else column
        column = pc.divide(whole.cast(pa.int64()).cast(pa.float64()), unit)
    # Digits below a microsecond may go.
    column = column.cast(dtype, safe=plain(column.type) not in (NAIVE, UTC))
    if dtype == pa.float64():
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, dtype), column)
    return column


def holds_text(dtype: pa.DataType) -> bool:
    """Whether a column of this type holds texts, or bytes that spell them."""
    return pa.types.is_binary(dtype) or plain(dtype) == pa.string()


def _read(text: pa.StringArray, written: str) -> pa.Array:
    values = spelling.read(text, written)
    bad = pc.and_(pc.is_null(values), pc.is_valid(text))
    if pc.any(bad).as_py():
        index = pc.index(bad, True).as_py()
        raise BadCell(index, f"{text[index].as_py()!r} is not written like {written}")
    return values


def _cast(column: pa.Array, dtype: pa.DataType, complaint: str) -> pa.Array:
    try:
        return column.cast(dtype)
    except pa.ArrowInvalid as error:
        index = next(at for at in range(len(column)) if not _casts(column.slice(at, 1), dtype))
        value = column[index].as_py()
        raise BadCell(index, f"{value!r} {complaint}") from error


def _spells(text: pa.StringArray, dtype: pa.DataType) -> bool:
    """Whether every text casts: a few at first, since a cast complains of all that do not."""
    start, size = 0, 1
    while start < len(text):
        if not _casts(text.slice(start, size), dtype):
            return False
        start, size = start + size, 8 * size
    return True


def _casts(column: pa.Array, dtype: pa.DataType) -> bool:
    try:
        column.cast(dtype)
    except pa.ArrowInvalid:
        return False
    return True
