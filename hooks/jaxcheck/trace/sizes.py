"""Sizes for the named dimensions of one trace."""

from collections.abc import Mapping
from itertools import count
from typing import Any

import jax

from ..arrays.dimensions import Dimension, parse_shape

# Divisible by 2, 4, 8 and 16, as halves and heads need it, and still all different.
UNIT = 16
_PRIMES = (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73)
_VARIADIC = 2  # how many dimensions `...` and `*name` stand for


class UnguessableError(Exception):
    """No input can be made up; the message says of what."""


class Sizes:
    """The size of every dimension in one trace: equal names are equal, others differ.

    Attributes:
        symbolic: Whether free dimensions are symbols, so that a trace holds for every multiple
            of 16, or numbers.
        known: The dimensions that something other than the trace decides, such as a module that
            was built with `d_model=48`.
        free: The dimensions that the trace could choose, with the sizes that it chose.
    """

    def __init__(
        self,
        known: Mapping[str, int],
        *,
        symbolic: bool = False,
        same: Mapping[str, str] | None = None,
        factor: int = 1,
    ) -> None:
        """Prepares the sizes.

        Args:
            known: See the attribute.
            symbolic: See the attribute.
            same: Dimensions that take the size of another one.
            factor: Multiplies the numbers, to see what grows with them.
        """
        self.symbolic = symbolic
        self.known = dict(known)
        self.free: dict[str, Any] = {}
        self._same = same or {}
        self._factor = factor
        self._scope = jax.export.SymbolicScope() if symbolic else None
        self._fresh = count()

    def __getitem__(self, name: str) -> Any:
        """Returns the size of a dimension, choosing one where nothing decides it."""
        name = self._same.get(name, name)
        if name in self.known:
            return self.known[name]
        if name not in self.free:
            self.free[name] = self._choose(name)
        return self.free[name]

    def number(self, name: str) -> int:
        """Returns the size of a dimension as a number, for code that takes it as an argument."""
        if name not in self.known:
            size = self.free.pop(name, None)
            self.known[name] = size if isinstance(size, int) else self._number(name)
        return self.known[name]

    def shape(self, dimensions: str) -> tuple[Any, ...]:
        """Returns the shape that a jaxtyping string describes.

        Raises:
            UnguessableError: It refers to the value of a parameter.
        """
        shape: list[Any] = []
        for dimension in parse_shape(dimensions).dimensions:
            shape += self._sizes_of(dimension)
        return tuple(shape)

    def _sizes_of(self, dimension: Dimension) -> list[Any]:
        name = dimension.name
        if not name or "?" in dimension.text:
            name = f"dim{next(self._fresh)}"  # no two leaves need to agree on it
        if dimension.variadic:
            return [self[f"{name}{index}"] for index in range(_VARIADIC)]
        if dimension.size is not None:
            return [dimension.size]
        if dimension.expression:
            return [self._evaluate(dimension.expression)]
        return [self[name]]

    def _evaluate(self, expression: str) -> Any:
        if "{" in expression:
            raise UnguessableError(f"the dimension {expression!r} depends on a value")
        try:
            code = compile(expression, "<dimension>", "eval")
            return eval(code, {"__builtins__": {}}, {name: self[name] for name in code.co_names})
        except Exception as error:
            raise UnguessableError(f"the dimension {expression!r} ({error})") from error

    def _choose(self, name: str) -> Any:
        if self.symbolic and name.isascii():
            return jax.export.symbolic_shape(f"{UNIT}*{name}", scope=self._scope)[0]
        return self._number(name)

    def _number(self, name: str) -> int:
        taken = {*self.known.values(), *self.free.values()}
        for prime in _PRIMES:
            if UNIT * prime * self._factor not in taken:
                return UNIT * prime * self._factor
        raise UnguessableError(f"more than {len(_PRIMES)} dimensions, the last of them {name!r}")
