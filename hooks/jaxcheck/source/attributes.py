"""How a class holds an attribute, and how its methods are called."""

import ast
from typing import Literal

from ..project import Project
from .module import Module
from .scopes import Class, Function

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BEGINNINGS = frozenset({"__init__", "__post_init__", "setup", "__setstate__"})


def stored_in(
    module: Module, project: Project, method: Function, path: str
) -> Literal["", "once", "renewed"]:
    """Whether a class stores an attribute of its instances: once, or again after it was made.

    Args:
        module: The module of the method.
        project: The project.
        method: A method of the class.
        path: The attribute, such as `self.key`.

    Returns:
        Nothing where the project shows no assignment of it, as of a property or of an attribute
        that a base class of a library has.
    """
    instance, _, name = path.partition(".")
    if method.owner is None or "." in name:
        return ""
    found: Literal["", "once"] = ""
    classes = [(module, method.owner)]
    classes += [
        known for base in project.bases(module, method.owner) if (known := project.class_(base))
    ]
    for where, cls in classes:
        if name in cls.methods:
            return ""
        if name in cls.fields:
            found = "once"
        for function in _assigning(where, cls, name, instance):
            if function.name not in _BEGINNINGS:
                return "renewed"
            found = "once"
    return found


def _assigning(module: Module, cls: Class, name: str, instance: str) -> list[Function]:
    """Returns the methods of a class that assign an attribute of the instance."""
    return [
        function
        for node in module.nodes(ast.Attribute)
        if node.attr == name
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == instance
        and (function := module.enclosing_function(node)) is not None
        and function.owner is cls
    ]


def is_called_in_a_loop(project: Project, name: str) -> bool:
    """Whether a method of that name is called in a loop, on an instance that is made outside."""
    for module in project.modules.values():
        for call in module.nodes(ast.Call):
            func = call.func
            if not isinstance(func, ast.Attribute) or func.attr != name:
                continue
            loops = [up for up in module.ancestors(call) if isinstance(up, _LOOPS)]
            if isinstance(func.value, ast.Name) and any(
                not _binds(loop, func.value.id) for loop in loops
            ):
                return True
    return False


def _binds(loop: ast.AST, name: str) -> bool:
    return any(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
        for node in ast.walk(loop)
    )
