"""Where a name is mentioned in a module."""

import ast
from collections import defaultdict

from .module import Module
from .scopes import Scope


def mentions(module: Module, name: str, scope: Scope) -> list[ast.Name]:
    """Returns every mention of a variable of a scope, those in functions inside it included."""
    assert module.project is not None
    key = ("mentions", id(module))
    tables = module.project.facts.get(key)
    if tables is None:
        every: dict[str, list[ast.Name]] = defaultdict(list)
        for node in module.nodes(ast.Name):
            every[node.id].append(node)
        tables = module.project.facts[key] = (every, {})
    every, by_scope = tables
    if name not in by_scope:
        found = by_scope[name] = defaultdict(list)
        for node in every.get(name, ()):
            found[_owner(module, node)].append(node)
    return by_scope[name].get(scope, [])


def _owner(module: Module, node: ast.Name) -> Scope | None:
    """Returns the scope that a mention's variable belongs to."""
    inside = module.index.scopes.get(node)
    here = inside
    while here is not None:
        hidden = here.is_class and here is not inside
        if node.id in here.bound and node.id not in here.declared and not hidden:
            return here
        here = here.parent
    return None
