"""Which functions a traced function calls."""

import ast

from ..project import Project
from ..source.scopes import FunctionNode
from ..transforms.tracing import method_of, target_of, traced


def called_from_traced(project: Project) -> set[FunctionNode]:
    """Returns the functions that a traced function calls, directly or through others."""
    reached: set[FunctionNode] = set()
    todo = [(t.module, t.function) for t in traced(project).values() if t.staged]
    while todo:
        module, function = todo.pop()
        for node in ast.walk(function.node):
            if not isinstance(node, ast.Call):
                continue
            target = target_of(module, node.func)
            if target is None and (found := project.class_(module.resolve(node.func))):
                target = method_of(*found, "__init__")
            if target is not None and target.function.node not in reached:
                reached.add(target.function.node)
                todo.append((target.module, target.function))
    return reached
