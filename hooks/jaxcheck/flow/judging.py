"""Which of the demands for concrete values meet tracers."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ..project import Project
from ..source.module import Module
from ..source.scopes import FunctionNode, Parameter
from ..transforms.tracing import traced
from .annotated import annotated
from .engine import Engine
from .summary import Demand, Summary
from .tracers import Live
from .values import MADE

_JIT = frozenset({"jax.jit", "jax.pmap", "flax.nnx.jit", "flax.nnx.pmap"})
_SELECTS = frozenset(
    f"jax.lax.{name}" for name in ("cond", "switch", "while_loop", "fori_loop", "scan", "select")
) | {"jax.numpy.where", "jax.numpy.select"}


@dataclass(frozen=True, slots=True)
class TracedDemand:
    """A demand for a concrete value that a tracer meets.

    Attributes:
        sure: Whether the value is an array for certain, not perhaps a container of them.
        container: Whether it is a container or an instance of a class, by its annotation, whose
            truth is known while tracing.
        flags: The parameters behind it, where all are plain Python values: flags, sizes, names.
        jitted: Whether the function itself is jitted, so that a parameter can be static.
        unannotated: Whether all parameters behind it are jitted ones without annotation and
            default, so that they are arrays rather than containers or None.
    """

    demand: Demand
    summary: Summary
    live: Live
    sure: bool
    container: bool
    flags: tuple[Parameter, ...]
    jitted: bool
    unannotated: bool


def traced_demands(module: Module, project: Project) -> Iterator[TracedDemand]:
    """Yields the demands of a module that tracers meet."""
    cached = project.facts.get(("traced demands", id(module)))
    if cached is None:
        cached = project.facts["traced demands", id(module)] = list(_find(module, project))
    yield from cached


def _find(module: Module, project: Project) -> Iterator[TracedDemand]:
    engine = Engine.of(project)
    live_inputs = engine.live()
    tracing = traced(project)
    for summary in engine.summaries(module):
        assert summary.function is not None
        live = live_inputs.get(summary.function.node)
        if live is None:
            continue
        own = tracing.get(summary.function.node)
        jitted = own is not None and any(site.name in _JIT for site in own.sites)
        for demand in summary.demands.values():
            sure = live.certain(demand.taint, demand.raw)
            if sure or live.possible(demand.raw):
                if demand.conditional and _has_another_way(module, demand.node):
                    continue
                tracers = (demand.taint | demand.raw) & (live.taint | live.raw)
                flags = _flags(engine, summary, tracers)
                container = not sure and demand.direct and _is_container(engine, summary, tracers)
                unannotated = jitted and _is_unannotated(summary, tracers)
                yield TracedDemand(
                    demand, summary, live, sure, container, flags, jitted, unannotated
                )


def _has_another_way(module: Module, node: ast.AST) -> bool:
    """Whether tracers do not come here: a branch beside this one has JAX's own control flow.

    Neither do they where a variable of the module that its functions assign says so: a mode.
    """
    below = node
    for up in module.ancestors(node):
        others: list[ast.AST] = []
        if isinstance(up, ast.IfExp) and below is not up.test:
            others = [up.orelse if below is up.body else up.body]
        elif isinstance(up, ast.If) and below is not up.test:
            others = [*(up.orelse if below in up.body else up.body)]
            names = {each.id for each in ast.walk(up.test) if isinstance(each, ast.Name)}
            if any(names.intersection(each.names) for each in module.nodes(ast.Global)):
                return True
        for name in ("body", "orelse", "finalbody"):
            block = getattr(up, name, None)
            if isinstance(block, list) and below in block:
                others += _instead_of(block, block.index(below))
        if any(_selects(module, other) for other in others):
            return True
        if isinstance(up, FunctionNode):
            return False
        below = up
    return False


def _instead_of(block: list[ast.stmt], at: int) -> list[ast.stmt]:
    """Returns the statements of a block that only run where one of them does not."""
    this = block[at]
    ways = [each for each in block[:at] if isinstance(each, ast.If) and _returns(each.body)]
    after = block[at + 1 :] if isinstance(this, ast.If) and _returns(this.body) else []
    return [statement for each in ways for statement in each.body] + after


def _returns(block: list[ast.stmt]) -> bool:
    return isinstance(block[-1], ast.Return)


def _selects(module: Module, block: ast.AST) -> bool:
    """Whether control flow of JAX takes place in a statement or an expression."""
    return any(
        isinstance(call, ast.Call) and module.resolve(call.func) in _SELECTS
        for call in ast.walk(block)
    )


def _is_unannotated(summary: Summary, mask: int) -> bool:
    assert summary.function is not None
    for number, name in enumerate(summary.inputs):
        if mask & (2 << number):
            parameter = summary.function.parameter(name)
            if parameter is None or parameter.annotation or parameter.default:
                return False
    return True


def passed_on(
    module: Module, project: Project, kinds: frozenset[str]
) -> Iterator[tuple[Parameter, TracedDemand, Module]]:
    """Yields parameters of jitted functions that a function which they call needs concrete.

    Yields:
        The parameter, the demand in the function that is called, and the module of that.
    """
    engine = Engine.of(project)
    tracing = traced(project)
    for summary in engine.summaries(module):
        assert summary.function is not None
        own = tracing.get(summary.function.node)
        live = engine.live().get(summary.function.node)
        if own is None or live is None or not any(site.name in _JIT for site in own.sites):
            continue
        for edge in summary.edges:
            for number, _, maybe in edge.inputs:
                for parameter in _flags(engine, summary, maybe & live.raw):
                    for each in _needs(engine, project, edge.callee, number, kinds):
                        yield parameter, each, each.summary.module


def _needs(
    engine: Engine, project: Project, callee: ast.AST, number: int, kinds: frozenset[str]
) -> Iterator[TracedDemand]:
    summary = engine.summary_of(callee)
    if summary is None:
        return
    for each in traced_demands(summary.module, project):
        demand = each.demand
        passed = each.summary is summary and demand.raw & (2 << number)
        if passed and demand.direct and demand.kind in kinds:
            yield each


def _is_container(engine: Engine, summary: Summary, mask: int) -> bool:
    """Returns whether a parameter is annotated as a container or with a class of the project."""
    assert summary.function is not None
    for number, name in enumerate(summary.inputs[: summary.parameters]):
        if mask & (2 << number):
            parameter = summary.function.parameter(name)
            says = annotated(summary.module, parameter.annotation if parameter else None)
            if says.container or says.cls is not None:
                return True
    return False


def _flags(engine: Engine, summary: Summary, mask: int) -> tuple[Parameter, ...]:
    """Returns the parameters behind a value, or nothing if one of them may be an array."""
    assert summary.function is not None
    if mask & MADE or not mask:
        return ()
    found = []
    for number, name in enumerate(summary.inputs):
        if not mask & (2 << number):
            continue
        parameter = summary.function.parameter(name)
        if parameter is None or number >= summary.parameters:
            return ()
        if not is_plain_value(engine, summary, parameter):
            return ()
        found.append(parameter)
    return tuple(found)


def is_plain_value(engine: Engine, summary: Summary, parameter: Parameter) -> bool:
    """Whether a parameter is a plain Python value, by its annotation or its default."""
    says = annotated(summary.module, parameter.annotation)
    if says.scalar:
        return True
    if says.array or says.key or says.number:
        return False
    default = parameter.default
    return isinstance(default, ast.Constant) and isinstance(default.value, bool | str | int)
