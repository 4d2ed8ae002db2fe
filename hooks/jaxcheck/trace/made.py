"""Values that are not there yet: the arrays that they need, and how they are put together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Made:
    """A value to be.

    Attributes:
        arrays: Shapes and dtypes of the arrays in it.
        build: Puts it together from as many arrays, which are tracers by then.
    """

    arrays: tuple[Any, ...]
    build: Callable[[Sequence[Any]], Any]


def constant(value: Any) -> Made:
    """Returns a value that holds no arrays."""
    return Made((), lambda _: value)


def array(aval: Any) -> Made:
    """Returns one array."""
    return Made((aval,), lambda arrays: arrays[0])


def combined(parts: Mapping[str, Made], build: Callable[[dict[str, Any]], Any]) -> Made:
    """Returns what `build` makes of named parts."""
    arrays = tuple(each for part in parts.values() for each in part.arrays)

    def put_together(given: Sequence[Any]) -> Any:
        values, start = {}, 0
        for name, part in parts.items():
            end = start + len(part.arrays)
            values[name] = part.build(given[start:end])
            start = end
        return build(values)

    return Made(arrays, put_together)
