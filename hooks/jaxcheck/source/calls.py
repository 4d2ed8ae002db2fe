"""Who calls whom: the calls in the body of every function."""

import ast
from collections import defaultdict

from .module import Module
from .scopes import Function, FunctionNode


def calls_of(module: Module) -> dict[FunctionNode | None, list[ast.Call]]:
    """Returns the calls in each function's own body, nested functions left out; None: elsewhere."""
    assert module.project is not None
    key = ("calls", id(module))
    found: dict[FunctionNode | None, list[ast.Call]] | None = module.project.facts.get(key)
    if found is None:
        found = module.project.facts[key] = defaultdict(list)
        scopes = module.index.scopes
        functions = module.index.functions
        for call in module.nodes(ast.Call):
            scope = scopes.get(call)
            while scope is not None and scope.node not in functions:
                scope = scope.parent
            found[functions[scope.node].node if scope else None].append(call)
    return found


def chain(function: Function | None) -> list[Function]:
    """Returns a function and the functions around it, from the inside out."""
    found = []
    while function is not None:
        found.append(function)
        function = function.parent
    return found


def inside(module: Module, function: Function) -> list[ast.Call]:
    """Returns the calls in a function's body, those of nested functions included."""
    assert module.project is not None
    key = ("calls inside", id(module))
    found: dict[FunctionNode, list[ast.Call]] | None = module.project.facts.get(key)
    if found is None:
        found = module.project.facts[key] = defaultdict(list)
        for node, calls in calls_of(module).items():
            for around in chain(module.function(node)) if node else ():
                found[around.node] += calls
    return found.get(function.node, [])
