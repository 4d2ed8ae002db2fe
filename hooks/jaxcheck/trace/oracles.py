"""What a jaxpr proves."""

import ast
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from ..findings import Confidence, Finding, Place
from . import private
from .candidates import Candidate
from .equations import inside, located
from .places import Places, Spot, finding, nodes_at
from .running import Run

HALF = ("bfloat16", "float16")
_HARMLESS = {"random_fold_in", "random_unwrap", "broadcast_in_dim", "reshape", "squeeze", "copy"}
_LEAST_GROWTH = 24  # equations; fewer are not worth a word


def key_reuse(run: Run, places: Places) -> tuple[bool, Finding | None]:
    """Returns whether JAX could check the keys of a trace, and what it found."""
    try:
        private.check_keys(run.jaxpr.jaxpr)
    except jax.errors.KeyReuseError as error:
        return True, of_key_error(error, places, run)
    except Exception:  # masks over symbolic dimensions, or primitives without a rule
        return False, None
    return True, None


def of_key_error(error: BaseException, places: Places, run: Run | None) -> Finding | None:
    """Returns the finding for a key that JAX saw consumed twice."""
    spot = places.of_error(error)
    if spot is None:
        return None
    first = _first_use(run.jaxpr.jaxpr, spot, places) if run and run.jaxpr else None
    related: tuple[Place, ...] = (first.place("first consumed here"),) if first else ()
    repeated = "repeatedly" in str(error)
    how = "again in every iteration of this loop" if repeated else "a second time here"
    message = (
        f"JAX's key-reuse checker finds that a key is consumed {how}: both draws see the same "
        "bits, so they are equal or fully correlated. Split the key and use each half once."
    )
    return finding("JX502" if repeated else "JX501", spot, message, related=related)


def _first_use(jaxpr: Any, second: Spot, places: Places) -> Spot | None:
    uses: dict[Any, Spot] = {}
    for equation in jaxpr.eqns:
        spot = places.of_equation(equation)
        for variable in equation.invars:
            if not _is_key(variable) or equation.primitive.name in _HARMLESS or spot is None:
                continue
            if spot.line == second.line and spot.module is second.module and variable in uses:
                return uses[variable]
            uses.setdefault(variable, spot)
    inner = (_first_use(sub, second, places) for e in jaxpr.eqns for sub in inside(e))
    return next((spot for spot in inner if spot is not None), None)


def _is_key(variable: Any) -> bool:
    dtype = getattr(getattr(variable, "aval", None), "dtype", None)
    is_variable = not isinstance(variable, Literal)
    return is_variable and dtype is not None and jnp.issubdtype(dtype, jax.dtypes.prng_key)


def half_products(run: Run, places: Places) -> Iterator[Finding]:
    """Yields the products that the project asks to be summed in half precision."""
    for equation, spot, directly in located(run.jaxpr.jaxpr, places):
        if equation.primitive.name != "dot_general" or spot is None or not directly:
            continue
        dtypes = {str(each.aval.dtype) for each in (*equation.invars, *equation.outvars)}
        if dtypes <= set(HALF):
            dtype = str(equation.outvars[0].aval.dtype)
            bits = 8 if dtype == "bfloat16" else 11
            message = (
                f"This product of {dtype} operands asks for a {dtype} result, so its sums may be "
                f"kept with {bits} significant bits, where adding 1 to {2**bits} changes nothing. "
                "Pass preferred_element_type=jnp.float32 and cast the result."
            )
            yield finding("JX408", spot, message)


def unrolled(candidate: Candidate, small: Run, large: Run, places: Places) -> Finding | None:
    """Returns a note on a Python loop that was unrolled over a dimension.

    Args:
        candidate: The function.
        small: A trace of it.
        large: A trace with all dimensions twice as large.
        places: The project's files.
    """
    before, after = (_by_line(run, places) for run in (small, large))
    total, grown = sum(before.values()), sum(after.values())
    if grown - total < _LEAST_GROWTH or not after:
        return None
    (module, line), _ = max(after.items(), key=lambda pair: pair[1] - before.get(pair[0], 0))
    loops = nodes_at(module, line, (ast.For, ast.ListComp, ast.GeneratorExp, ast.DictComp))
    if not loops:
        return None
    loop = max(loops, key=lambda node: node.lineno)  # pyright: ignore[reportAttributeAccessIssue]
    message = (
        f"This loop over a dimension is unrolled: `{candidate.name}` traces to {total} equations, "
        f"and to {grown} when all dimensions are twice as large; compilation takes as much longer. "
        "jax.lax.scan or jax.lax.fori_loop compile the body once."
    )
    return finding("JX709", (module, loop), message, Confidence.HEURISTIC)


def _by_line(run: Run, places: Places) -> Counter:
    spots = (spot for _, spot, _ in located(run.jaxpr.jaxpr, places) if spot is not None)
    return Counter((spot.module, spot.line) for spot in spots)
