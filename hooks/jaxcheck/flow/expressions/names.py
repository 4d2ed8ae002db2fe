"""Names and attributes: variables, free variables, and what is defined elsewhere."""

import ast

from .. import donations, library
from ..inputs import attribute_value
from ..run import Run
from ..state import path_of
from ..tokens import Token
from ..values import CLEAN, Callee, Value, unknown
from .evaluating import evaluate, evaluates


@evaluates(ast.Name)
def _name(run: Run, node: ast.Name) -> Value:
    value = named(run, node)
    donations.used(run, node, value)
    return value


def named(run: Run, node: ast.Name) -> Value:
    """Returns the value of a name: a variable, a free one, or something defined elsewhere."""
    name = node.id
    value = run.state.env.get(name)
    if value is not None:
        return value
    if run.function is not None and name in run.function.scope.bound:
        scope = run.function.scope
        if name in scope.imports:
            return Value(function=Callee(library=run.module.resolve(node)))
        if name not in scope.functions and name not in scope.declared:
            return unknown()  # bound later, or on another way
    resolved = run.module.resolve(node)
    if resolved is not None:
        return run.engine.definitions.value(resolved)
    return _free(run, name) or CLEAN


def outer(run: Run, name: str) -> Value | None:
    """Returns what a free variable of another function is here: a variable, or an input."""
    return run.state.env.get(name) or _free(run, name)


def _free(run: Run, name: str) -> Value | None:
    """Returns a variable of an enclosing function as an input of this one."""
    if run.function is None:
        return None
    if name in run.inputs:
        return run.inputs[name]
    around = run.function.parent
    while around is not None and name not in around.scope.bound:
        around = around.parent
    if around is None:
        return None
    nested = around.scope.functions.get(name)
    if nested is not None:
        return Value(function=run.engine.definitions.callee(run.module, nested))
    parameter = around.parameter(name)
    value = run.add_input(name, parameter.annotation if parameter else None)
    run.state.env.setdefault(name, value)
    return value


@evaluates(ast.Attribute)
def _attribute(run: Run, node: ast.Attribute) -> Value:
    path = path_of(node)
    if path is not None and (known := run.state.env.get(path)) is not None:
        donations.used(run, node, known)
        return known
    resolved = run.module.resolve(node)
    if resolved is not None:
        return run.engine.definitions.value(resolved)
    if isinstance(node.value, ast.Name) and node.attr in library.STATIC_ATTRIBUTES:
        named(run, node.value)  # looks only: allowed after donation
        return CLEAN
    return _attribute_of(run, evaluate(run, node.value), node.attr, path)


def _attribute_of(run: Run, base: Value, name: str, path: str | None) -> Value:
    if name in library.STATIC_ATTRIBUTES:
        return CLEAN
    if name in library.ARRAY_ATTRIBUTES and (base.taint or base.raw):
        run.use_as_arrays(base)
        return Value(base.token, taint=base.taint | base.raw, boolean=base.boolean)
    known = base.part(name)
    if known is not None:
        return known
    value = CLEAN
    if base.cls is not None:
        value = attribute_value(base.cls, name, base.taint | base.raw)
    token = base.token.child("field", f".{name}") if base.token else Token("other")
    value = Value(token, value.taint, value.raw, cls=value.cls)
    if path is not None:
        run.state.set_part(path, value)
    return value
