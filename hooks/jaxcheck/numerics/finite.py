"""Checks for NaN and infinity: what counts as one, and which functions are covered by one."""

import ast

from ..project import Project
from ..source.bindings import reaching
from ..source.calls import calls_of
from ..source.declared import function_of
from ..source.module import Module
from ..source.scopes import Function, FunctionNode
from ..transforms.tracing import Target, target_of

_TESTS = {"isfinite", "isnan", "isinf"}
_CHECKS = {
    "jax.lax.is_finite",
    "chex.assert_tree_all_finite",
    "equinox.error_if",
    "jax.experimental.checkify.check",
    "checkify.check",
}
_CHECKIFY = {"jax.experimental.checkify.checkify", "checkify.checkify"}
_HOMES = {"jax.numpy", "numpy", "math", "cmath"}


def is_check(module: Module, call: ast.Call, project: Project, depth: int = 2) -> bool:
    """Whether a call tests for NaN or infinity: itself, or a function of the project that does."""
    name = module.resolve(call.func) or ""
    home, _, last = name.rpartition(".")
    if name in _CHECKS or (last in _TESTS and home in _HOMES):
        return True
    if named(module, call, project.settings.finite_check_helpers):
        return True
    return depth > 0 and _is_helper(function_of(module, call.func), project, depth)


def named(module: Module, call: ast.Call, helpers: tuple[str, ...]) -> bool:
    """Whether the settings name what a call calls, by its name or dotted name."""
    if not helpers:
        return False
    callee = call.func
    last = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
    return last in helpers or (module.resolve(callee) or "") in helpers


def _is_helper(target: Target | None, project: Project, depth: int) -> bool:
    if target is None:
        return False
    key = ("finite helper", target.function.node)
    known: bool | None = project.facts.get(key)
    if known is None:
        project.facts[key] = False  # for a function that calls itself
        here, function = target.module, target.function
        known = any(
            is_check(here, call, project, depth - 1)
            for node, calls in calls_of(here).items()
            if node is function.node or (node and here.function(node).parent is function)
            for call in calls
        )
        project.facts[key] = known
    return known


def checked(module: Module, function: Function | None, project: Project) -> bool:
    """Whether a function, or one around it, checks its numbers, or a caller checks its result."""
    covered = _covered(module, project)
    while function is not None:
        if function.node in covered or _decorated(module, function, project):
            return True
        function = function.parent
    return False


def _decorated(module: Module, function: Function, project: Project) -> bool:
    for decorator in function.decorators:
        callee = decorator.func if isinstance(decorator, ast.Call) else decorator
        if module.resolve(callee) in _CHECKIFY:
            return True
        if _is_helper(target_of(module, callee), project, 2):
            return True
    return False


def _covered(module: Module, project: Project) -> set[FunctionNode]:
    key = ("checked functions", id(module))
    found: set[FunctionNode] | None = project.facts.get(key)
    if found is None:
        found = project.facts[key] = set()
        for node, calls in calls_of(module).items():
            for call in calls:
                if module.resolve(call.func) in _CHECKIFY and call.args:
                    target = target_of(module, call.args[0])
                    if target is not None:
                        found.add(target.function.node)
                if is_check(module, call, project):
                    if node is not None:
                        found.add(node)
                        around = module.function(node).parent
                        if isinstance(node, ast.Lambda) and around is not None:
                            found.add(around.node)
                    found |= _results(module, call)
    return found


def _results(module: Module, check: ast.Call) -> set[FunctionNode]:
    """The functions whose results a check is given, directly or through one name."""
    found = set()
    for argument in [*check.args, *(k.value for k in check.keywords)]:
        for node in ast.walk(argument):
            values: list[ast.expr] = [node] if isinstance(node, ast.Call) else []
            if isinstance(node, ast.Name):
                values = [b.value for b in reaching(module, node) if b.value is not None]
            for value in values:
                if isinstance(value, ast.Call):
                    target = function_of(module, value.func)
                    if target is not None:
                        found.add(target.function.node)
    return found
