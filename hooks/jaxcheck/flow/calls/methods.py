"""Method calls: of the project's classes, of arrays, and of containers."""

import ast
from dataclasses import replace

from ...transforms.tracing import Target, method_of, target_of
from .. import keys, library
from ..run import Run
from ..tokens import Token
from ..values import CLEAN, Callee, Value, sequence, unknown
from .applying import apply
from .arguments import Call
from .sizes import demand_size
from .unknown import consume_weakly
from .waiting import method_waits_for


def method_call(run: Run, func: ast.Attribute, base: Value, call: Call) -> Value:
    """Returns the result of a method.

    Args:
        run: The run.
        func: The method as written.
        base: What it is called on.
        call: What is passed.
    """
    target = target_of(run.module, func)
    if target is None and base.cls is not None:
        target = method_of(*base.cls, func.attr)
    if target is not None:
        return _project_method(run, target, base, call)
    if isinstance(func.value, ast.Name) and func.value.id in ("self", "cls"):
        held = run.engine.definitions.attribute(run.module, func)
        if held is not None:
            return apply(run, held, call)
    name = func.attr
    method_waits_for(run, name, base, call.node)
    stored = run.summary.stored
    for value in call.arguments:
        stored[call.node] = stored.get(call.node, 0) | value.mask()
    if name in library.CONVERTING_METHODS and (base.taint or base.raw):
        run.demand("convert", call.node, base)
        return CLEAN
    if name == "keys" and not call.arguments:
        return sequence()  # names, which are known while tracing
    if name in library.VIEWS:
        return sequence(base.taint | base.raw)
    if base.taint or (base.raw and name in library.ARRAY_METHODS):
        return _array_method(run, name, base, call)
    return _other_method(run, name, base, call)


def _project_method(run: Run, target: Target, base: Value, call: Call) -> Value:
    if not target.bound or not target.function.parameters:
        return apply(run, Callee(target), call)
    instance = target.function.parameters[0].name
    callee = run.engine.definitions.callee(target.module, target.function, target)
    return apply(run, callee, replace(call, keywords={**call.keywords, instance: base}))


def _array_method(run: Run, name: str, base: Value, call: Call) -> Value:
    run.use_as_arrays(base)
    if name == "reshape":
        for argument in call.node.args:
            demand_size(run, argument)
    for keyword in call.node.keywords:
        if keyword.arg in library.STRUCTURAL_KEYWORDS:
            demand_size(run, keyword.value)
    result = unknown(base.taint | base.raw | call.mask(), boolean=name in ("any", "all"))
    if name in library.FORWARDING_METHODS:
        result.token = base.token
    return result


def _other_method(run: Run, name: str, base: Value, call: Call) -> Value:
    if name in library.FORWARDING_METHODS:
        return base
    if name in ("get", "pop"):
        if base.raw:
            return unknown(raw=base.raw)
        entry = call.node.args[0] if call.node.args else None
        if isinstance(base.items, dict) and isinstance(entry, ast.Constant):
            known = base.part(entry.value)
            if known is not None:
                return known
    if name in library.STORING_METHODS:
        for value in call.values:
            keys.escapes(run, call.node, value, f"stored by `.{name}`")
        return Value(Token("other"), raw=base.raw, cls=base.cls)
    if name not in library.INSPECTING_METHODS:
        consume_weakly(run, call)
    return unknown()
