"""Python's own functions: conversions, comparisons, containers."""

from .. import library
from ..expressions.iteration import any_element
from ..expressions.operators import arithmetic
from ..run import Run
from ..values import CLEAN, Value, mask_of, sequence, unknown
from .arguments import Call
from .unknown import consume_weakly

_CONVERSIONS = {"float": "convert", "int": "convert", "complex": "convert", "bool": "boolean"}
_COMPARING = frozenset({"max", "min", "any", "all", "sorted"})
_ARITHMETIC = frozenset({"sum", "abs", "round", "pow", "divmod"})
_SAME_ELEMENTS = frozenset({"list", "tuple", "iter"})
_CONTAINERS = _SAME_ELEMENTS | {"reversed", "dict", "set", "zip", "enumerate"}


def builtin_call(run: Run, name: str, call: Call) -> Value:
    """Returns the result of a function of Python, by its short name."""
    if name == "len":
        return CLEAN
    if name == "range":
        for argument, value in zip(call.node.args, call.arguments, strict=False):
            run.demand("range", argument, value)
        return CLEAN
    if name in _CONTAINERS:
        return _container(name, call)
    if call.arguments:
        first = call.arguments[0]
        if name in _CONVERSIONS:
            run.demand(_CONVERSIONS[name], call.node, first)
            return CLEAN
        if name in _COMPARING and "key" not in call.keywords:
            return _comparing(run, name, call)
        if name in _ARITHMETIC:
            if first.sequence:
                return unknown(mask_of(call.arguments))
            return arithmetic(run, first, call.argument(1))
        if name == "next":
            return any_element(first)
    if f"builtins.{name}" not in library.INSPECTS:
        consume_weakly(run, call)
    return unknown()


def _container(name: str, call: Call) -> Value:
    mask = mask_of(call.arguments)
    if len(call.arguments) == 1 and name in _SAME_ELEMENTS:
        first = call.arguments[0]
        return Value(first.token, raw=mask, items=first.items, sequence=True)
    return sequence(mask)


def _comparing(run: Run, name: str, call: Call) -> Value:
    """A function that needs the truth of its arguments, or of comparisons between them."""
    several = name in ("max", "min") and len(call.arguments) > 1
    compared = [v for v in call.arguments[: None if several else 1] if not v.sequence]
    token = next((value.token for value in compared if value.raw), None)
    taint = raw = 0
    for value in compared:
        taint |= value.taint
        raw |= value.raw
    if several:
        taint, raw = taint | raw, 0  # compared with each other, so they are numbers or arrays
    run.demand("boolean", call.node, Value(token, taint, raw))
    return unknown(raw=mask_of(call.arguments))
