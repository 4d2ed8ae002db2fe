"""Values that are not there yet: the arrays that they need, and how they are put together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax


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


def supplied(value: Any) -> Made:
    """Returns a value that the project supplies: arrays anywhere in it become tracers."""
    leaves, structure = jax.tree.flatten(value)
    traced = [isinstance(leaf, jax.ShapeDtypeStruct | jax.Array) for leaf in leaves]
    arrays = tuple(
        jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)
        for leaf, is_traced in zip(leaves, traced, strict=True)
        if is_traced
    )

    def build(given: Sequence[Any]) -> Any:
        rest = iter(given)
        filled = [next(rest) if t else leaf for leaf, t in zip(leaves, traced, strict=True)]
        return jax.tree.unflatten(structure, filled)

    return Made(arrays, build)
