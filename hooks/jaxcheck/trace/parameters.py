"""Which precision the parameters of a module begin in."""

from collections.abc import Iterator
from fnmatch import fnmatch
from typing import Any

from jax.extend.core import Literal

from ..findings import Finding
from ..settings import Settings
from .candidates import Candidate
from .equations import CALLS, inside
from .oracles import HALF
from .places import Places, Spot, finding
from .running import Run

_WIDE = ("float32", "float64")
_SAME_VALUES = {
    "reshape", "transpose", "broadcast_in_dim", "squeeze", "copy", "copy_p", "rev", "slice",
    "expand_dims", "sharding_constraint", "optimization_barrier", "reduce_precision",
}  # fmt: skip
_SCALED = {"mul", "div", "add", "sub", "neg"}


def half_parameters(
    candidate: Candidate, run: Run, places: Places, settings: Settings
) -> Iterator[Finding]:
    """Yields where a module's parameters come into being in half precision.

    A cast of float32 values is what the conventions ask for, and is left alone; so is one value for
    all, such as a scale of one, which a cast gives as well. What a library's layer draws for the
    project is JX401, what the project draws itself JX402.
    """
    jaxpr = run.jaxpr.jaxpr
    found: dict[tuple[str, int], tuple[Spot, list[str], str, bool]] = {}
    for name, variable in zip(run.parameters, jaxpr.outvars, strict=True):
        dtype = str(getattr(variable.aval, "dtype", ""))
        equation = _origin(jaxpr, variable) if dtype in HALF else None
        spot = places.of_equation(equation) if equation is not None else None
        if spot is None:
            continue
        if any(fnmatch(spot.module.relative, p) for p in settings.half_parameter_modules):
            continue
        key = (spot.module.relative, spot.line)
        in_layer = places.of_equation(equation, directly=True) is None
        found.setdefault(key, (spot, [], dtype, in_layer))[1].append(name)
    for spot, names, dtype, in_layer in found.values():
        levels = 128 if dtype == "bfloat16" else 1024
        message = (
            f"`{'`, `'.join(names)}` of `{candidate.class_name}` start out as {dtype}: a draw in "
            f"{dtype} takes at most {levels} different values, and an update below "
            f"1/{2 * levels} of a weight is lost. Initialise in float32 and cast for the "
            "computation."
        )
        yield finding("JX401" if in_layer else "JX402", spot, message)


def _origin(jaxpr: Any, variable: Any, depth: int = 40) -> Any:
    """Returns the equation that made a half-precision value of nothing wider; None if none did."""
    for _ in range(depth):
        if isinstance(variable, Literal):
            return None
        equation = next((e for e in jaxpr.eqns if variable in e.outvars), None)
        if equation is None:
            return None  # an argument or a constant
        name = equation.primitive.name
        if name == "convert_element_type":
            dtype = str(equation.invars[0].aval.dtype)
            if dtype in _WIDE:
                return None
            variable = equation.invars[0]
            continue
        if name in _SAME_VALUES:
            variable = equation.invars[0]
            continue
        if name in _SCALED:
            operands = [v for v in equation.invars if v.aval.shape == variable.aval.shape]
            if operands and not isinstance(operands[0], Literal):
                variable = operands[0]
                continue
        if name in CALLS:
            inner = next(iter(inside(equation)), None)
            if inner is not None:
                at = equation.outvars.index(variable)
                made = _origin(inner, inner.outvars[at], depth - 1)
                if made is None and inner.outvars[at] in inner.invars:
                    variable = equation.invars[inner.invars.index(inner.outvars[at])]
                    continue
                return None if made is None else equation
        return equation
    return None
