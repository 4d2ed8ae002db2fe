"""Functions of arrays: what they return, and which of their arguments must be known."""

import ast

from .. import library
from ..run import Run
from ..values import CLEAN, Value, array_of
from .arguments import Call
from .sizes import demand_sizes


def array_call(run: Run, name: str, call: Call) -> Value:
    """Returns the result of a function of `jax.numpy`, `jax.lax`, `jax.nn` and the like."""
    last = name.rpartition(".")[2]
    if last in library.STATIC_FUNCTIONS or name in library.INSPECTS:
        return CLEAN
    node = call.node
    if name == "jax.lax.psum" and node.args and isinstance(node.args[0], ast.Constant):
        return CLEAN  # the size of the axis, a Python number
    run.use_as_arrays(*call.values)
    demand_sizes(run, name, call)
    _demand_data(run, name, call)
    if last in library.LIST_FUNCTIONS:
        result = array_of(call.mask())
        result.sequence = True
        return result
    return array_of(call.mask(), boolean=last in library.BOOLEAN_FUNCTIONS)


def _demand_data(run: Run, name: str, call: Call) -> None:
    """Notes where the data itself must be known: where it says how large the result is."""
    node, first = call.node, call.argument(0)
    sized = name in library.DATA_DEPENDENT
    if name == "jax.numpy.where":  # of a condition alone: the indices where it holds
        sized = len(node.args) + len(call.keywords) == 1
    if sized and "size" not in call.keywords and call.arguments:
        run.demand_number("size", node, first.mask())
    if name == "jax.numpy.repeat" and "total_repeat_length" not in call.keywords:
        run.demand_number("size", node, call.argument(1, "repeats").taint)
    if name == "jax.numpy.einsum" and node.args and first.raw:
        run.demand("structure", node.args[0], Value(first.token, raw=first.raw))
