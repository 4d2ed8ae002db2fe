"""Calls of functions of libraries: finds out by the canonical name what they do."""

from ...transforms.tables import PARTIAL, TRANSFORMS
from .. import keys, library
from ..run import Run
from ..tokens import Token
from ..values import Value, array_of, unknown
from . import control_flow
from .arguments import Call
from .array_functions import array_call
from .builtin_functions import builtin_call
from .random_functions import random_call
from .transformations import partial_call, transform_call
from .unknown import consume_weakly
from .waiting import waits_for


def library_call(run: Run, name: str, call: Call) -> Value:
    """Returns the result of a function of a library."""
    stored = run.summary.stored
    stored[call.node] = stored.get(call.node, 0) | call.mask()
    waits_for(run, name, call)
    if name.startswith("builtins."):
        return builtin_call(run, name.removeprefix("builtins."), call)
    if name.startswith("jax.random.") and name.count(".") == 2:
        return random_call(run, name, call)
    if name in TRANSFORMS:
        if TRANSFORMS[name].wraps:
            return transform_call(run, name, call)
        return control_flow.control_flow_call(run, name, call)
    if call.arguments:
        if name in PARTIAL:
            return partial_call(call)
        if name in library.FORWARDS:
            return _forwarded(name, call.arguments[0])
        if name in library.MAPS:
            return control_flow.map_call(run, call)
    if name in library.CALLBACKS:
        return _callback(run, call)
    if library.is_array_function(name):
        return array_call(run, name, call)
    if name.startswith(("math.", "numpy.")):
        return _host_call(run, name, call)
    if name == "flax.nnx.Rngs":
        return _streams(run, call)
    if name not in library.INSPECTS and not name.startswith(library.INSPECTING_ROOTS):
        consume_weakly(run, call)
    return unknown()


def _forwarded(name: str, value: Value) -> Value:
    """Returns what a function returns that hands its argument on: of `jax.numpy`, an array."""
    if not name.startswith("jax.numpy."):
        return value
    return Value(value.token, taint=value.mask(), boolean=value.boolean, stamp=value.stamp)


def _callback(run: Run, call: Call) -> Value:
    function = call.argument(0).function
    if function is not None and function.target is not None:
        run.engine.on_host.add(function.target.function.node)
    return array_of()


def _host_call(run: Run, name: str, call: Call) -> Value:
    """A function of NumPy or `math` converts what it is given; `math` takes numbers only."""
    if name.startswith("math."):
        for argument, value in zip(call.node.args, call.arguments, strict=False):
            run.demand_number("convert", argument, value.taint)
    elif name.split(".")[1] not in library.NUMPY_STATIC:
        for argument, value in zip(call.node.args, call.arguments, strict=False):
            run.demand("convert", argument, value)
    return unknown()


def _streams(run: Run, call: Call) -> Value:
    """`nnx.Rngs` starts a stream from each key or seed."""
    seen: set[Token] = set()
    for value in call.values:
        token = value.token
        if token is None or value.items is not None:
            continue
        if token.is_key or token not in seen:  # two streams may share a number as seed
            keys.consume(run, token, call.node, False, "nnx.Rngs")
        seen.add(token)
    return unknown()
