"""Item 6: what is_plain_value the program must be static."""

import ast
from collections.abc import Iterator

from ..catalogue import rule
from ..findings import Confidence, Finding
from ..flow.annotated import annotated
from ..flow.judging import TracedDemand, passed_on, traced_demands
from ..project import Project
from ..source.module import Module
from ..source.scopes import Parameter
from ..transforms.jitted import named_jits
from ..transforms.pytrees import is_setting

_FLAG_KINDS = frozenset({"branch", "exit", "boolean", "match", "text", "call"})
_SIZE_KINDS = frozenset({"range", "index", "structure"})
_USES = {
    "branch": "branches on it",
    "exit": "branches on it",
    "boolean": "needs its truth",
    "match": "matches on it",
    "text": "compares it with text",
    "call": "calls it",
}


@rule(
    "JX602",
    "structural-use-of-traced-argument",
    "A traced argument is used as a length, a shape, an axis or an index.",
    profile="bugs",
    confidences=(Confidence.PROVEN, Confidence.LIKELY),
    in_tests=Confidence.PROVEN,
    tiers=("static", "trace"),
)
def structural_use(module: Module, project: Project) -> Iterator[Finding]:
    """Finds parameters that shape the traced program, but are not static."""
    for each in traced_demands(module, project):
        demand = each.demand
        if demand.kind not in _SIZE_KINDS or not each.live.staged:
            continue
        if demand.kind != "structure" and not (each.flags and demand.direct and each.jitted):
            continue
        yield module.finding(
            "JX602",
            demand.node,
            f"`{demand.text}` shapes the traced program here, but it is a traced argument, which "
            f"has no value while tracing. {_way_out(each)}",
            confidence=Confidence.PROVEN if _annotated(each) else Confidence.LIKELY,
        )


@rule(
    "JX607",
    "flag-not-static",
    "A flag, name or function is passed to jit without being static.",
    profile="bugs",
    confidences=(Confidence.PROVEN, Confidence.LIKELY),
    in_tests=Confidence.PROVEN,
    tiers=("static", "trace"),
)
def flag_not_static(module: Module, project: Project) -> Iterator[Finding]:
    """Finds parameters of jitted functions that steer Python control flow."""
    reported: set[ast.AST] = set()
    for each in traced_demands(module, project):
        demand = each.demand
        if demand.kind not in _FLAG_KINDS or not each.jitted or not each.flags:
            continue
        for parameter in each.flags:
            if parameter.node in reported:
                continue
            reported.add(parameter.node)
            yield _flag(module, parameter, each, module)
    for parameter, each, elsewhere in passed_on(module, project, _FLAG_KINDS):
        if parameter.node not in reported:
            reported.add(parameter.node)
            yield _flag(module, parameter, each, elsewhere)
    for parameter, name in _settings(module, project):
        if parameter.node not in reported:
            reported.add(parameter.node)
            yield module.finding(
                "JX607",
                parameter.node,
                f"`{parameter.name}` is a `{name}`, which is no pytree: JAX cannot trace it, and "
                f"every call that passes it raises a TypeError. Make it static: "
                f'`static_argnames=("{parameter.name}",)`.',
                confidence=Confidence.LIKELY,
            )


def _settings(module: Module, project: Project) -> Iterator[tuple[Parameter, str]]:
    """Yields the traced parameters of jitted functions that are annotated as settings."""
    for site in named_jits(module):
        static = site.static
        if site.target is None or static is None or site.target.module is not module:
            continue
        names = {*site.target.free} - static
        names |= {p.name for p in site.target.function.parameters if p.kind == "keyword"} - static
        for parameter in site.target.function.parameters:
            if parameter.name in names - site.target.names:
                found = annotated(module, parameter.annotation).cls
                if found is not None and is_setting(project, *found):
                    yield parameter, found[1].name


def _flag(module: Module, parameter: Parameter, each: TracedDemand, used_in: Module) -> Finding:
    return module.finding(
        "JX607",
        parameter.node,
        f"`{parameter.name}` is traced, but the program {_USES[each.demand.kind]}: that fails as "
        f'soon as it is passed. Make it static: `static_argnames=("{parameter.name}",)`.',
        confidence=Confidence.PROVEN if parameter.annotation is not None else Confidence.LIKELY,
        related=(used_in.place(each.demand.node, "used here"),),
    )


def _annotated(each: TracedDemand) -> bool:
    return bool(each.flags) and all(p.annotation is not None for p in each.flags)


def _way_out(each: TracedDemand) -> str:
    if not each.jitted or not each.flags:
        return "Take it from a shape, or make it static where the function is jitted."
    names = ", ".join(f'"{p.name}"' for p in each.flags)
    return f"Make it static: `static_argnames=({names},)`."
