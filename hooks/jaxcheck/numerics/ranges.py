"""Intervals of real numbers, with what else decides whether an operation on them is safe."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

_INF = float("inf")
_HUGE = 10**300  # a larger integer is no float
TINY = 1e-300  # stands for any positive number


@dataclass(frozen=True, slots=True)
class Range:
    """Where the values of an expression lie.

    Attributes:
        low: No value is smaller.
        high: No value is larger.
        kind: "array", "static" for Python numbers and sizes, "" where it cannot be known.
        assumed: Whether a number that cannot be seen, such as a configured epsilon, guards it.
        integer: Whether its values are whole numbers.
    """

    low: float = -_INF
    high: float = _INF
    kind: str = ""
    assumed: bool = False
    integer: bool = False

    @property
    def is_nonzero(self) -> bool:
        """Whether it cannot be 0."""
        return self.assumed or self.low > 0 or self.high < 0

    @property
    def is_positive(self) -> bool:
        """Whether it is larger than 0."""
        return self.assumed or self.low > 0

    @property
    def is_unknown_number(self) -> bool:
        """Whether it is, or may be, a plain number whose value is not in the source."""
        return self.kind != "array" and self.low == -_INF and self.high == _INF

    @property
    def is_flag(self) -> bool:
        """Whether it is an array of 0 and 1."""
        return self.integer and (self.low, self.high) == (0, 1) and self.kind == "array"

    @property
    def negated(self) -> "Range":
        """Its values with the other sign."""
        return replace(self, low=-self.high, high=-self.low)

    @property
    def squared(self) -> "Range":
        """Its values times themselves."""
        return Range(TINY if self.is_nonzero else 0.0, kind=self.kind, assumed=self.assumed)

    @property
    def inverted(self) -> "Range":
        """One over its values."""
        if self.low >= 0:
            low = 1 / self.high if 0 < self.high < _INF else TINY
            high = 1 / self.low if self.low > TINY else _INF
            return replace(self, low=low, high=high, integer=False)
        return Range(kind=self.kind, assumed=self.assumed)

    def like(self, other: "Range") -> "Range":
        """Nothing but the kind that an operation of both has."""
        return Range(kind=_kind([self, other]))

    def at_least(self, other: "Range") -> "Range":
        """Itself, no smaller than what is added up where that is positive."""
        return replace(self, low=other.low, assumed=other.assumed) if other.is_positive else self

    def __add__(self, other: "Range") -> "Range":
        kind = _kind([self, other])
        number = self.is_unknown_number or other.is_unknown_number
        constant = any(r.low == r.high > 0 and r.kind == "static" for r in (self, other))
        flag = self.is_flag or other.is_flag  # as in `x + (x == 0)`
        assumed = self.assumed or other.assumed
        assumed = assumed or flag or (kind == "array" and (number or constant))
        low = self.low + other.low
        if assumed and low < 0 and constant:
            assumed = not (self.high < _INF and other.high < _INF)
        return Range(low, self.high + other.high, kind=kind, assumed=assumed)

    def minus(self, other: "Range") -> "Range":
        """Its values less other ones."""
        assumed = self.assumed or other.assumed
        kind = _kind([self, other])
        whole = self.integer and other.integer
        return Range(self.low - other.high, self.high - other.low, kind, assumed, whole)

    def power(self, exponent: "Range") -> "Range":
        """Its values to the power of other ones."""
        kind = _kind([self, exponent])
        if exponent.low == exponent.high and exponent.low % 2 == 0 and exponent.low > 0:
            return replace(self.squared, kind=kind)
        if self.low > 0:
            return Range(TINY, kind=kind, assumed=self.assumed)
        if self.low == 0 and exponent.low >= 0:
            return Range(0.0, kind=kind)
        return Range(kind=kind)


def exactly(value: float) -> Range:
    """The range of a number that stands in the source."""
    value = max(-_HUGE, min(value, _HUGE)) if isinstance(value, int) else value
    return Range(value, value, kind="static", integer=float(value).is_integer())


ANYTHING = Range()
STATIC = Range(kind="static")


def joined(ranges: Sequence[Range]) -> Range:
    """Returns the smallest range that holds all of the given ones."""
    if not ranges:
        return ANYTHING
    return Range(
        min(r.low for r in ranges),
        max(r.high for r in ranges),
        kind=_kind(ranges),
        assumed=all(r.assumed or r.low > 0 for r in ranges) and any(r.assumed for r in ranges),
        integer=all(r.integer for r in ranges),
    )


def product(left: Range, right: Range) -> Range:
    """Returns the range of the products."""
    kind = _kind([left, right])
    assumed = left.is_nonzero and right.is_nonzero and (left.assumed or right.assumed)
    if left.low >= 0 and right.low >= 0:
        low = max(left.low * right.low, TINY) if left.low > 0 and right.low > 0 else 0.0
        high = left.high * right.high if left.high < _INF and right.high < _INF else _INF
        whole = left.integer and right.integer
        return Range(low, high, kind=kind, assumed=assumed, integer=whole)
    for one, other in ((left, right), (right, left)):
        if one.high <= 0 <= other.low:
            return Range(high=0.0, kind=kind, assumed=assumed)
    if left.high <= 0 and right.high <= 0:
        return Range(0.0, kind=kind, assumed=assumed)
    ends = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    if all(abs(end) < _INF for end in ends):
        return Range(min(ends), max(ends), kind=kind, assumed=assumed)
    return Range(kind=kind, assumed=assumed)


def _kind(ranges: Sequence[Range]) -> str:
    kinds = {r.kind for r in ranges}
    if "array" in kinds:
        return "array"
    return "" if "" in kinds else "static"
