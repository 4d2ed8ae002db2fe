"""Item 5: seeds that are fixed in the source."""

import ast
from collections.abc import Iterator

from ..catalogue import rule
from ..findings import Confidence, Finding, Severity
from ..project import Project
from ..source.mentions import mentions
from ..source.module import Module
from ..source.scopes import Function
from ..transforms.abstract import for_shapes_only, runs_nothing
from ..transforms.tracing import traced

SEEDED = ("jax.random.key", "jax.random.PRNGKey")
# Folders of programs that fix their seed on purpose, to show or to measure something.
PROGRAMS = {"benchmark", "benchmarks", "demo", "docs", "example", "examples", "scripts"}


@rule(
    "JX507",
    "constant-seed-in-library-code",
    "A function makes its key from a seed that is written into it.",
    confidences=(Confidence.PROVEN, Confidence.LIKELY, Confidence.HEURISTIC),
    severity=Severity.WARNING,
)
def constant_seed(module: Module, project: Project) -> Iterator[Finding]:
    """Finds keys of literal seeds in defaults, in traced code and in library functions."""
    for call in module.nodes(ast.Call):
        name = module.resolve(call.func)
        if name not in SEEDED and name != "flax.nnx.Rngs":
            continue
        if not _is_literal(call):
            continue
        default_of = _default_of(module, call)
        if default_of is not None:
            yield module.finding("JX507", call, _as_default(module, call, default_of))
            continue
        function = module.enclosing_function(call)
        if name == "flax.nnx.Rngs" or function is None or _is_abstract(module, call):
            continue
        if _overwrites(module, call, function) or _makes_default(module, function):
            continue
        yield from _in_function(module, project, call, function)


def _in_function(
    module: Module, project: Project, call: ast.Call, function: Function
) -> Iterator[Finding]:
    seed = module.text(call)
    where = "a lambda" if function.name == "<lambda>" else f"`{function.qualname}`"
    draws = _is_drawn_from(module, call) and not _is_fallback(module, call, function)
    if draws and any(_has_tracers(project, f) for f in _around(function)):
        message = (
            f"`{seed}` is a constant in {where}, which JAX traces: every call, every step and "
            f"every mapped element draws the same bits. Pass a key in."
        )
        yield module.finding("JX507", call, message, confidence=Confidence.LIKELY)
    elif draws and any(f.name == "__call__" and f.is_method for f in _around(function)):
        message = (
            f"`{seed}` in {where} draws the same bits in every forward pass. "
            f"Take the key, or an `nnx.Rngs` stream, from the caller."
        )
        yield module.finding("JX507", call, message, confidence=Confidence.LIKELY)
    elif not _is_program(module, function):
        message = (
            f"`{seed}` in {where} gives every caller the same random numbers, run after run, "
            f"whatever seed is configured. Take a key or a seed as a parameter."
        )
        yield module.finding("JX507", call, message, confidence=Confidence.HEURISTIC)


def _is_literal(call: ast.Call) -> bool:
    given = [*call.args, *(k.value for k in call.keywords if k.arg != "impl")]
    return bool(given) and all(
        isinstance(each, ast.Constant) and type(each.value) is int for each in given
    )


def _default_of(module: Module, call: ast.Call) -> Function | None:
    """Returns the function in whose parameters' defaults a call stands."""
    functions = module.index.functions
    for up in module.ancestors(call):
        if isinstance(up, ast.arg):
            around = module.parent(up)
            return functions.get(around) if around else None
        if up in functions:
            return None
    return None


def _as_default(module: Module, call: ast.Call, function: Function) -> str:
    return (
        f"The default `{module.text(call)}` is made once, when `{function.name}` is defined, and "
        f"shared by every call that passes none: they all draw from one key. Make the parameter "
        f"required."
    )


def _is_abstract(module: Module, call: ast.Call) -> bool:
    """Whether a key is only there for its shape, as inside `jax.eval_shape`."""
    around = [up for up in module.ancestors(call) if isinstance(up, ast.Call)]
    return any(for_shapes_only(module, each) for each in (call, *around)) or any(
        runs_nothing(module, up) for up in around
    )


def _overwrites(module: Module, call: ast.Call, function: Function) -> bool:
    """Whether a parameter is overwritten at once, which JX508 reports."""
    around = module.parent(call)
    return around in function.body and _is_fallback(module, call, function)


def _makes_default(module: Module, function: Function) -> bool:
    """Whether a function is the lambda of a field's default, as in a configuration."""
    scope = module.index.scopes[function.node]
    return isinstance(function.node, ast.Lambda) and scope.is_class


def _has_tracers(project: Project, function: Function) -> bool:
    """Whether a function is traced with arguments; one without any makes the same, once."""
    tracing = traced(project).get(function.node)
    return tracing is not None and bool(tracing.traced)


def _is_fallback(module: Module, call: ast.Call, function: Function) -> bool:
    """Whether a key stands in for a parameter that was left out."""
    around = module.parent(call)
    return (
        isinstance(around, ast.Assign)
        and isinstance(around.targets[0], ast.Name)
        and function.parameter(around.targets[0].id) is not None
    )


def _is_drawn_from(module: Module, call: ast.Call) -> bool:
    """Whether a new key goes to `jax.random`, directly or by the one name that it gets."""
    around = module.parent(call)
    if isinstance(around, ast.Assign) and isinstance(around.targets[0], ast.Name):
        scope = module.index.scopes[around]
        uses = mentions(module, around.targets[0].id, scope)
        return any(_goes_to_random(module, use) for use in uses if isinstance(use.ctx, ast.Load))
    return _goes_to_random(module, call)


def _goes_to_random(module: Module, node: ast.expr) -> bool:
    around = module.parent(node)
    if isinstance(around, ast.keyword):
        around = module.parent(around)
    if not isinstance(around, ast.Call) or around.func is node:
        return False
    name = module.resolve(around.func) or ""
    if name == "jax.random.fold_in":  # with data that varies it is no constant any more
        return all(isinstance(each, ast.Constant) for each in around.args[1:])
    return name.startswith("jax.random.")


def _around(function: Function | None) -> Iterator[Function]:
    while function is not None:
        yield function
        function = function.parent


def _is_program(module: Module, function: Function) -> bool:
    """Whether code runs as a program, in which a fixed seed is one of its settings."""
    *folders, file = module.relative.split("/")
    if file == "__main__.py" or PROGRAMS.intersection(folders):
        return True
    if any(f.name.lstrip("_") == "main" for f in _around(function)):
        return True
    return any(
        isinstance(statement, ast.If) and "__name__" in module.text(statement.test)
        for statement in module.tree.body
    )
