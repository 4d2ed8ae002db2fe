"""What a function is in its module: exempt from annotations, a layer, an override."""

import ast
from collections import defaultdict

from ..project import Project
from ..source.module import Module
from ..source.scopes import Function, FunctionNode

_TINY = 3
"""A nested function of at most so many lines needs no annotations: it is read at a glance."""
_RULES_OF_DERIVATIVES = ("defvjp", "defjvp", "defjvps", "def_fwd", "def_bwd")


def exempt(module: Module, function: Function) -> bool:
    """Whether a function's annotations are nobody's business: overloads, rules of derivatives."""
    for decorator in function.decorators:
        name = module.resolve(decorator) or ""
        if name.rpartition(".")[2] in ("overload", "no_type_check"):
            return True
    return function.node in _derivatives(module)


def _derivatives(module: Module) -> set[FunctionNode]:
    """The functions given to `defvjp` and the like, whose parameters JAX prescribes."""
    assert module.project is not None
    key = ("derivatives", id(module))
    found: set[FunctionNode] | None = module.project.facts.get(key)
    if found is None:
        found = set()
        for call in module.nodes(ast.Call):
            if isinstance(call.func, ast.Attribute) and call.func.attr in _RULES_OF_DERIVATIVES:
                names = {a.id for a in call.args if isinstance(a, ast.Name)}
                scope = module.index.scopes.get(call)
                while scope is not None and names:
                    found |= {scope.functions[n].node for n in names if n in scope.functions}
                    scope = scope.parent
        module.project.facts[key] = found
    return found


def tiny(function: Function) -> bool:
    """Whether it is a function in another one, of few lines."""
    if function.parent is None or isinstance(function.node, ast.Lambda):
        return False
    body = function.node.body
    return (body[-1].end_lineno or 0) - body[0].lineno < _TINY


def is_layer(module: Module, project: Project, function: Function) -> bool:
    """Whether it is a method of an `nnx.Module`."""
    return function.owner is not None and project.is_nnx_module(module, function.owner)


def overridden(
    module: Module, project: Project, function: Function
) -> tuple[Module, Function] | None:
    """Returns the method of a base class in the project that a method overrides."""
    if function.owner is None:
        return None
    for base in project.bases(module, function.owner):
        found = project.class_(base)
        if found is not None and function.name in found[1].methods:
            return found[0], found[1].methods[function.name]
    return None


def returned(module: Module) -> defaultdict[FunctionNode, list[ast.expr]]:
    """Returns the expressions that each function returns or yields, None left out."""
    assert module.project is not None
    key = ("returned", id(module))
    found: defaultdict[FunctionNode, list[ast.expr]] | None = module.project.facts.get(key)
    if found is None:
        found = module.project.facts[key] = defaultdict(list)
        scopes = module.index.scopes
        for kind in (ast.Return, ast.Yield):
            for node in module.nodes(kind):
                none = isinstance(node.value, ast.Constant) and node.value.value is None
                scope = scopes.get(node)
                if node.value is not None and not none and scope is not None:
                    found[scope.node].append(node.value)  # pyright: ignore[reportArgumentType]
    return found
