"""Calls of functions that are jitted with static arguments, and what the calls give them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ..source.module import Module
from .tracing import JitSite, jit_sites, target_of

# The transformations whose static arguments can be named.
JITS = frozenset({"jax.jit", "jax.experimental.pjit.pjit", "flax.nnx.jit"})


@dataclass(eq=False, slots=True)
class JittedCall:
    """A call of a function that is jitted with static arguments.

    Attributes:
        site: Where it is jitted.
        static: What the call gives for each of its static parameters that it gives at all.
    """

    node: ast.Call
    site: JitSite
    static: dict[str, ast.expr]


def named_jits(module: Module) -> list[JitSite]:
    """Returns the applications of a `jit` that takes `static_argnames`."""
    return [site for site in jit_sites(module) if site.name in JITS]


def jitted_calls(module: Module) -> list[JittedCall]:
    """Returns the calls of functions that are jitted with static arguments, found by name."""
    assert module.project is not None
    key = ("jitted_calls", module.name, id(module))
    found: list[JittedCall] | None = module.project.facts.get(key)
    if found is None:
        found = list(_jitted_calls(module))
        module.project.facts[key] = found
    return found


def _jitted_calls(module: Module) -> Iterator[JittedCall]:
    static = _static_jits(module)
    if not static:
        return
    for call in module.nodes(ast.Call):
        site, free = _callee(module, call.func, static)
        names = site.static if site else None
        if site and names:
            given = _arguments(call, free)
            yield JittedCall(call, site, {n: given[n] for n in given if n in names})


def _static_jits(module: Module) -> dict[ast.expr, JitSite]:
    """Returns every application of `jit` with static arguments in the project, by its node."""
    project = module.project
    assert project is not None
    found: dict[ast.expr, JitSite] | None = project.facts.get("static_jits")
    if found is None:
        sites = (
            site
            for other in list(project.modules.values())
            if other.uses_jax
            for site in named_jits(other)
        )
        found = {site.node: site for site in sites if site.target and site.static}
        project.facts["static_jits"] = found
    return found


def _callee(
    module: Module, function: ast.expr, static: dict[ast.expr, JitSite]
) -> tuple[JitSite | None, list[str]]:
    """Returns where the function of a call is jitted, and its positional parameters."""
    jitted = function if isinstance(function, ast.Call) else _value(module, function)
    site = static.get(jitted) if jitted else None
    if site and site.target and not site.decorator:
        return site, site.target.free
    if isinstance(function, ast.Name | ast.Attribute):
        target = target_of(module, function)
        for decorator in target.function.decorators if target else ():
            if target and decorator in static:
                return static[decorator], target.free
    return None, []


def _value(module: Module, node: ast.expr) -> ast.expr | None:
    """Returns the expression that a name bound once stands for, here or in another module."""
    if isinstance(node, ast.Name):
        scope = module.index.scopes.get(node)
        while scope is not None and node.id not in scope.bound:
            scope = scope.parent
        if scope is not None and scope.bound[node.id] == 1 and node.id in scope.aliases:
            return scope.aliases[node.id]
    assert module.project is not None
    found = module.project.constant(module.resolve(node))
    return found[1] if found else None


def _arguments(call: ast.Call, free: list[str]) -> dict[str, ast.expr]:
    """Returns the argument of each parameter, up to the first starred one."""
    given: dict[str, ast.expr] = {}
    for name, argument in zip(free, call.args, strict=False):
        if isinstance(argument, ast.Starred):
            break
        given[name] = argument
    return given | {k.arg: k.value for k in call.keywords if k.arg}
