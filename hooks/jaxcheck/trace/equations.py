"""Walks over the equations of a jaxpr."""

from collections.abc import Iterator
from typing import Any

from .places import Places, Spot

CALLS = ("jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "remat2",
         "checkpoint")  # fmt: skip


def located(
    jaxpr: Any, places: Places, outer: tuple[Spot | None, bool] | None = None
) -> Iterator[tuple[Any, Spot | None, bool]]:
    """Yields the equations of a jaxpr and of those inside it, each with its place.

    The body of a library function that is compiled by itself, such as `jnp.einsum`, is traced
    once and reused, so its equations stand where it was first called: the place of the call counts
    instead.

    Args:
        jaxpr: The jaxpr.
        places: The project's files.
        outer: The place that counts for everything in it, and whether JAX was called there by the
            project itself; None where each equation has a place of its own.

    Yields:
        An equation, its place in the project, and whether JAX was called there by the project
        itself rather than by another library.
    """
    for equation in jaxpr.eqns:
        here = outer or (
            places.of_equation(equation),
            places.of_equation(equation, directly=True) is not None,
        )
        yield equation, *here
        name = equation.params.get("name")
        foreign = equation.primitive.name in CALLS and name not in places.functions
        for inner in inside(equation):
            yield from located(inner, places, here if foreign or outer else None)


def inside(equation: Any) -> Iterator[Any]:
    """Yields the jaxprs among an equation's parameters."""
    for value in equation.params.values():
        for each in value if isinstance(value, tuple | list) else (value,):
            if hasattr(each, "eqns"):
                yield each
            elif hasattr(each, "jaxpr") and hasattr(each.jaxpr, "eqns"):
                yield each.jaxpr
