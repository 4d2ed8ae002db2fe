"""Calls of function values, and of functions of the project: by their summaries."""

from dataclasses import replace

from ...source.module import Module
from ...source.scopes import Class, Function
from ...transforms.tables import TRANSFORMS
from ...transforms.tracing import Target, method_of
from .. import keys
from ..donations import donate, renewed
from ..passing import record_arguments
from ..run import Run
from ..summary import Consumption, Summary
from ..tokens import Site, Token
from ..values import Callee, Value, array_of, grouped, mask_of, sequence, unknown
from . import library_functions
from .arguments import Call
from .random_functions import mapped_random
from .substituting import fixed_path, free_token, substituted, token_at
from .unknown import consume_weakly


def apply(run: Run, callee: Callee, call: Call) -> Value:
    """Returns the result of calling a function value."""
    if callee.target is None:
        for position in callee.donated:
            count = len(call.arguments)
            if isinstance(position, int) and -count <= position < count:
                donate(run, call.arguments[position], call.node)
    if callee.bound or callee.keywords:
        call = replace(
            call,
            arguments=[*callee.bound, *call.arguments],
            keywords={**callee.keywords, **call.keywords},
        )
    if any(TRANSFORMS[name].abstract for name in callee.transforms):
        return unknown()
    if callee.target is not None:
        return _project_call(run, callee, callee.target, call)
    if callee.library is not None:
        if callee.transforms:
            return _mapped_library_call(run, callee.library, call)
        return library_functions.library_call(run, callee.library, call)
    consume_weakly(run, call)
    return _stamped(run, unknown(), callee)


def construct(run: Run, module: Module, cls: Class, call: Call) -> Value:
    """Returns an instance of a class of the project."""
    made = method_of(module, cls, "__init__")
    if made is not None:
        apply(run, Callee(made), Call(call.node, call.arguments, call.keywords))
        return Value(Token("other"), cls=(module, cls))
    items = dict(zip(cls.fields, call.arguments, strict=False)) | call.keywords
    return Value(Token("other"), items=items or None, cls=(module, cls))


def _mapped_library_call(run: Run, name: str, call: Call) -> Value:
    if name.startswith("jax.random.") and name.count(".") == 2 and call.arguments:
        return mapped_random(run, name, call)
    return array_of(call.mask())


def _project_call(run: Run, callee: Callee, target: Target, call: Call) -> Value:
    function = target.function
    summary = run.engine.summary(target.module, function)
    if summary is None:
        consume_weakly(run, call)
        return unknown()
    given = given_to(function, target.bound, call)
    record_arguments(run, target.module, function, given)
    if callee.transforms:
        run.engine.passed.setdefault(function.node, set()).update(given)
    for consumption in summary.consumptions:
        _consume(run, callee, consumption, summary, given, call)
    if call.spread:  # whose place is not known; what is passed by name has been dealt with
        consume_weakly(run, Call(call.node, call.arguments, {}, spread=True))
    _donate(run, callee, target, given, call)
    if any(TRANSFORMS[name].kind != "jit" for name in callee.transforms):
        result = _transformed(callee, given)
    else:
        result = substituted(summary.returned, summary, given)
        if callee.donated:
            result = renewed(result)
    return _stamped(run, result, callee)


def given_to(function: Function, bound: int, call: Call) -> dict[str, Value]:
    """Returns the values of a function's parameters by name, as far as they are known.

    Args:
        function: The function.
        bound: How many of its parameters are bound already.
        call: What is passed.
    """
    given: dict[str, Value] = {}
    if not call.spread:
        positional = [p.name for p in function.parameters if p.kind == "positional"]
        given.update(zip(positional[bound:], call.arguments, strict=False))
        rest = call.arguments[len(positional) - bound :]
        variadic = next((p.name for p in function.parameters if p.kind == "args"), None)
        if variadic is not None and rest:
            given[variadic] = sequence(items=tuple(rest))
    names = {parameter.name for parameter in function.parameters}
    given.update((name, value) for name, value in call.keywords.items() if name in names)
    return given


def called(function: Function) -> str:
    """Returns how messages call a function."""
    return f"`{function.name}`" if function.name != "<lambda>" else "the lambda"


def _consume(
    run: Run,
    callee: Callee,
    consumption: Consumption,
    summary: Summary,
    given: dict[str, Value],
    call: Call,
) -> None:
    """Consumes what the function that is called consumes."""
    assert summary.function is not None
    name = summary.inputs[consumption.input]
    mapped = any(TRANSFORMS[each].kind == "vmap" for each in callee.transforms)
    if consumption.input >= summary.parameters:
        path = fixed_path(summary, consumption.path)
        mapped = mapped and path == consumption.path
        token = free_token(run, name, path)
    else:
        token = token_at(given[name], consumption.path) if name in given else None
        mapped = mapped and _is_broadcast(callee, summary.function, name)
    if token is None:
        return
    strong, what = consumption.strong, called(summary.function)
    if mapped:
        here = Site(call.node, strong, what, run.state.guards)
        keys.note(run, "JX509", call.node, token, None, here, keys.how_sure(strong), strong)
    else:
        keys.consume(run, token, call.node, strong, what)


def _is_broadcast(callee: Callee, function: Function, name: str) -> bool:
    """Whether `vmap` does not map over a parameter."""
    if callee.in_axes is None:
        return False
    names = [p.name for p in function.parameters if p.kind == "positional"]
    names = names[callee.target.bound if callee.target else 0 :]
    return (name, False) in zip(names, callee.in_axes, strict=False)


def _donate(run: Run, callee: Callee, target: Target, given: dict[str, Value], call: Call) -> None:
    for name in callee.donated:
        if isinstance(name, int):
            free = target.free
            name = free[name] if -len(free) <= name < len(free) else ""
        if name in given:
            donate(run, given[name], call.node)


def _transformed(callee: Callee, given: dict[str, Value]) -> Value:
    """Returns what a transformed function returns: for `value_and_grad`, the loss first."""
    mask = mask_of(given.values())
    parts = unknown(raw=mask)
    if not callee.transforms[-1].endswith("value_and_grad"):
        return parts
    loss = unknown(mask)
    if callee.has_aux:
        loss = grouped(loss, parts)
    return grouped(loss, parts)


def _stamped(run: Run, result: Value, callee: Callee) -> Value:
    """Returns a result with the iteration of the loop that it is made in, if it is compiled."""
    if not callee.compiled or not run.loops:
        return result
    return _with_stamp(result, run.loops[-1].stamp)


def _with_stamp(value: Value, stamp: int) -> Value:
    items = value.changed_parts(lambda part: _with_stamp(part, stamp))
    return replace(value, items=items, stamp=stamp)
