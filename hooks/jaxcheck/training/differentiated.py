"""Which functions are differentiated: the targets of `grad`, and what they call."""

import ast

from ..project import Project
from ..source.calls import inside
from ..source.declared import function_of
from ..source.module import Module
from ..source.scopes import Function, FunctionNode
from ..transforms.tracing import Target, Tracing, traced

_GRADIENTS = (
    "grad", "value_and_grad", "vjp", "jvp", "jacfwd", "jacrev", "jacobian", "hessian", "linearize",
    "filter_grad", "filter_value_and_grad",
)  # fmt: skip


def differentiated(project: Project) -> set[FunctionNode]:
    """Returns the functions that gradients are taken through, as far as calls can be followed.

    The `__call__` of an NNX module counts: modules are made to be trained.
    """
    found: set[FunctionNode] | None = project.facts.get("differentiated")
    if found is None:
        found = project.facts["differentiated"] = set()
        todo = [Target(t.module, t.function) for t in traced(project).values() if _by_grad(t)]
        for module in project.modules.values():
            if module.uses_jax and "nnx" in module.source and not module.is_test:
                todo += _module_calls(module, project)
        while todo:
            target = todo.pop()
            node = target.function.node
            if node in found:
                continue
            found.add(node)
            for call in inside(target.module, target.function):
                further = function_of(target.module, call.func)
                if further is not None:
                    todo.append(further)
    return found


def is_gradient(name: str | None) -> bool:
    """Whether a canonical name is a transformation that takes gradients."""
    home, _, last = (name or "").rpartition(".")
    return is_gradient_word(last) and home in ("jax", "flax.nnx", "equinox")


def is_gradient_word(last: str) -> bool:
    """Whether a transformation that takes gradients has such a last name."""
    return last in _GRADIENTS


def is_differentiated(module: Module, node: ast.AST, project: Project) -> bool:
    """Whether an expression stands in a function that is differentiated."""
    nodes = differentiated(project)
    function = module.enclosing_function(node)
    while function is not None:
        if function.node in nodes:
            return True
        function = function.parent
    return False


def _by_grad(tracing: Tracing) -> bool:
    return any(is_gradient(site.name) for site in tracing.sites)


def _module_calls(module: Module, project: Project) -> list[Target]:
    found: list[Function] = []
    for each in module.classes:
        method = each.methods.get("__call__")
        if method is not None and project.is_nnx_module(module, each):
            found.append(method)
    return [Target(module, function) for function in found]
