"""Times of day that stand in a column of their own."""

import numpy as np
import pyarrow as pa
from jaxtyping import Int64

from .dates import pc
from .frequency import DAY, HOUR

_SECOND = HOUR // 3600
_CLOCK = (
    r"(?i)^(?P<hour>\d{1,2})(?:[:.h](?P<minute>[0-5]\d)(?:[:.](?P<second>[0-5]\d)(?:\.\d+)?)?)?"
    r"h? ?(?P<half>(?:[ap]\.?m\.?)?)$"
)
_NUMBER = r"^\d+(?:\.0+)?$"


def read_clock(texts: pa.StringArray) -> Int64[np.ndarray, " points"]:
    """Microseconds since midnight.

    Args:
        texts: ``17:30``, ``17:30:00``, ``17.30.00``, ``5:30 PM``, hours up to 24, ``1730``, or
            seconds.

    Raises:
        ValueError: They are something else; the message ends a sentence about the column.
    """
    parts = pc.extract_regex(texts, _CLOCK)
    if not parts.null_count:
        hour, minute, second = (
            _numbers(pc.struct_field(parts, name)) for name in ("hour", "minute", "second")
        )
        half = pc.utf8_slice_codeunits(pc.utf8_lower(pc.struct_field(parts, "half")), 0, 1)
        twelve = _where(pc.not_equal(half, ""))
        hour = np.where(twelve, hour % 12 + 12 * _where(pc.equal(half, "p")), hour)
        clock = (hour * 3600 + minute * 60 + second) * _SECOND
        if clock.max() <= DAY:
            return clock
    if pc.all(pc.match_substring_regex(texts, _NUMBER)).as_py():
        number = texts.cast(pa.float64()).to_numpy().astype(np.int64)
        if np.all((number <= 2400) & (number % 100 < 60)):
            return (number // 100 * 3600 + number % 100 * 60) * _SECOND
        if number.max() * _SECOND <= DAY:
            return number * _SECOND
    raise ValueError(f"must hold times of day, such as 17:30, not {texts[0].as_py()!r}")


def _numbers(texts: pa.StringArray) -> Int64[np.ndarray, " points"]:
    filled = pc.if_else(pc.equal(texts, ""), "0", texts)
    return filled.cast(pa.int64()).to_numpy(zero_copy_only=False)


def _where(chosen: pa.BooleanArray) -> Int64[np.ndarray, " points"]:
    return chosen.cast(pa.int64()).to_numpy(zero_copy_only=False)
