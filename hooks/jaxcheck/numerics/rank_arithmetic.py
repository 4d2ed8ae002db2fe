"""Arithmetic with ranks: what broadcasting and matrix products make of them."""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..source.module import Module
from .known_ranks import spelt_rank


@dataclass(frozen=True, slots=True)
class Rank:
    """What is known of the number of axes.

    Attributes:
        low: So many at least.
        exact: Whether there are just so many.
        jax: Whether it is certainly an array of JAX, not of another library.
    """

    low: int
    exact: bool = True
    jax: bool = True


NUMBER = Rank(0)
"""The rank of a number."""


def agreed(ranks: Iterable[Rank | None]) -> Rank | None:
    """Returns what several possibilities have in common."""
    found: Rank | None = None
    for each in ranks:
        if each is None:
            return None
        if found is None or found == each:
            found = each
        else:
            same = found.low == each.low and found.exact and each.exact
            found = Rank(min(found.low, each.low), same, found.jax and each.jax)
    return found


def broadcast(ranks: list[Rank | None]) -> Rank | None:
    """Returns the rank of what is computed entry by entry: that of the operand of the most axes."""
    known = [each for each in ranks if each is not None]
    low = max((each.low for each in known), default=0)
    exact = len(known) == len(ranks) and all(each.exact for each in known)
    if not exact and low == 0:
        return None
    return Rank(low, exact, any(each.jax and each.low for each in known) or low == 0)


def product(left: Rank | None, right: Rank | None) -> Rank | None:
    """Returns the rank of a matrix product."""
    if left is None or right is None:
        known = left or right
        return Rank(known.low - 1, False, known.jax) if known and known.low > 1 else None
    vectors = (left.low == 1) + (right.low == 1)
    low = max(left.low, right.low) - min(vectors, 1 if max(left.low, right.low) > 1 else 2)
    exact = left.exact and right.exact
    return Rank(max(low, 0), exact, left.jax or right.jax) if exact or low > 0 else None


def reduced(
    module: Module, array: Rank, arguments: list[ast.expr], keywords: dict[str, ast.expr]
) -> Rank | None:
    """Returns the rank of what a reduction leaves of an array, its first argument."""
    if "keepdims" in keywords and module.literal(keywords["keepdims"]) is not False:
        return array
    axis = arguments[1] if len(arguments) > 1 else keywords.get("axis")
    if axis is None:
        return NUMBER
    count = axes(module, axis)
    return (
        replace(array, low=array.low - count) if count is not None and count <= array.low else None
    )


def axes(module: Module, axis: ast.expr | None) -> int | None:
    """Returns how many axes an argument such as `axis=(1, 2)` names."""
    value = module.literal(axis)
    if type(value) is int:
        return 1
    return len(value) if isinstance(value, tuple) else None


def length(module: Module, shape: ast.expr | None) -> int | None:
    """Returns the length of a shape that is spelt out; a number is a shape of one axis."""
    if isinstance(shape, ast.Constant) and isinstance(shape.value, int):
        return 1
    return spelt_rank(module, shape)
