"""Which of the demands for concrete values meet tracers."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ..project import Project
from ..source.module import Module
from ..source.scopes import Parameter
from ..transforms.tracing import traced
from .annotated import annotated
from .engine import Engine
from .summary import Demand, Summary
from .tracers import Live
from .values import MADE

_JIT = frozenset({"jax.jit", "jax.pmap", "flax.nnx.jit", "flax.nnx.pmap"})


@dataclass(frozen=True, slots=True)
class Met:
    """A demand for a concrete value that a tracer meets.

    Attributes:
        sure: Whether the value is an array for certain, not perhaps a container of them.
        held: Whether it is a container or an instance of a class, by its annotation, whose truth
            is known while tracing.
        flags: The parameters behind it, where all of them steer the program: flags, sizes, names.
        jitted: Whether the function itself is jitted, so that a parameter can be static.
        bare: Whether all parameters behind it are jitted ones of which nothing more is said: no
            annotation and no default, so that they are arrays rather than containers or None.
    """

    demand: Demand
    summary: Summary
    live: Live
    sure: bool
    held: bool
    flags: tuple[Parameter, ...]
    jitted: bool
    bare: bool


def met(module: Module, project: Project) -> Iterator[Met]:
    """Yields the demands of a module that tracers meet."""
    cached = project.facts.get(("met", id(module)))
    if cached is None:
        cached = project.facts["met", id(module)] = list(_met(module, project))
    yield from cached


def _met(module: Module, project: Project) -> Iterator[Met]:
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
                tracers = (demand.taint | demand.raw) & (live.taint | live.raw)
                flags = _flags(engine, summary, tracers)
                held = not sure and demand.direct and _held(engine, summary, tracers)
                bare = jitted and _bare(summary, tracers)
                yield Met(demand, summary, live, sure, held, flags, jitted, bare)


def _bare(summary: Summary, mask: int) -> bool:
    assert summary.function is not None
    for number, name in enumerate(summary.inputs):
        if mask & (2 << number):
            parameter = summary.function.parameter(name)
            if parameter is None or parameter.annotation or parameter.default:
                return False
    return True


def handed_on(
    module: Module, project: Project, kinds: frozenset[str]
) -> Iterator[tuple[Parameter, Met, Module]]:
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
) -> Iterator[Met]:
    summary = engine.summary_of(callee)
    if summary is None:
        return
    for each in met(summary.module, project):
        demand = each.demand
        handed = each.summary is summary and demand.raw & (2 << number)
        if handed and demand.direct and demand.kind in kinds:
            yield each


def _held(engine: Engine, summary: Summary, mask: int) -> bool:
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
        if not steers(engine, summary, parameter):
            return ()
        found.append(parameter)
    return tuple(found)


def steers(engine: Engine, summary: Summary, parameter: Parameter) -> bool:
    """Whether a parameter is a plain Python value, by its annotation or its default."""
    says = annotated(summary.module, parameter.annotation)
    if says.scalar:
        return True
    if says.array or says.key or says.number:
        return False
    default = parameter.default
    return isinstance(default, ast.Constant) and isinstance(default.value, bool | str | int)
