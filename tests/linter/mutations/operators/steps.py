"""What operators ask about training steps."""

import ast
from collections.abc import Iterator

from jaxcheck.source.module import Module


def is_step(module: Module, function: ast.AST) -> bool:
    """Whether a function applies an optimizer's update, itself or in a function inside."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    return any(_updates(module, call) for call in calls)


def _updates(module: Module, call: ast.Call) -> bool:
    if module.resolve(call.func) == "optax.apply_updates":
        return True
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    return method == "update" and len(call.args) == 2 and "opt" in ast.unparse(call.func)


def called_in_steps(module: Module) -> Iterator[str]:
    """Yields the names of what the training steps of a module call."""
    for function in module.functions:
        if is_step(module, function.node):
            for node in ast.walk(function.node):
                if isinstance(node, ast.Call):
                    yield (module.resolve(node.func) or "").rpartition(".")[2]
