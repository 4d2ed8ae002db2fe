"""Where a name is mentioned in a module."""

import ast
from collections import defaultdict

from .module import Module
from .scopes import Scope


def mentions(module: Module, name: str, scope: Scope) -> list[ast.Name]:
    """Returns every mention of a variable of a scope, those in functions inside it included."""
    return [node for node in _by_name(module)[name] if _owner(module, node) is scope]


def _by_name(module: Module) -> defaultdict[str, list[ast.Name]]:
    assert module.project is not None
    key = ("mentions", id(module))
    found = module.project.facts.get(key)
    if found is None:
        found = module.project.facts[key] = defaultdict(list)
        for node in module.nodes(ast.Name):
            found[node.id].append(node)
    return found


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
