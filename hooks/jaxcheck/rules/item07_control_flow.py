"""Item 7: no Python control flow on traced values.

Control flow on what is known while tracing (shapes, dtypes, `None`, configuration) is idiomatic and
not looked at.
"""

import ast
from collections.abc import Iterator

from ..catalogue import rule
from ..findings import Confidence, Finding
from ..flow.engine import Engine
from ..flow.judging import Met, met
from ..project import Project
from ..source.module import Module

_ALL = (Confidence.PROVEN, Confidence.LIKELY, Confidence.HEURISTIC)
_NUMERIC_ERRORS = frozenset(
    f"builtins.{name}"
    for name in ("FloatingPointError", "ZeroDivisionError", "ArithmeticError", "OverflowError")
)


def _of_kind(module: Module, project: Project, *kinds: str) -> Iterator[tuple[Met, Confidence]]:
    for each in met(module, project):
        if each.demand.kind not in kinds:
            continue
        if each.flags and each.jitted:
            continue  # a flag that should be static: item 6
        if not each.live.staged:
            # Under `grad` alone there are concrete values; under a `jit` around it there are none.
            yield each, Confidence.HEURISTIC
        elif each.sure:
            unsure = each.demand.conditional or each.live.assumed
            yield each, Confidence.LIKELY if unsure else Confidence.PROVEN
        elif (
            not each.held
            and each.demand.direct
            and (each.bare or each.demand.raw & each.summary.arrays)
        ):
            yield each, Confidence.LIKELY


@rule(
    "JX701",
    "branch-on-tracer",
    "An `if`, `while`, `assert` or conditional expression tests a traced value.",
    confidences=_ALL,
    in_tests=Confidence.PROVEN,
    tiers=("static", "trace"),
)
def branch_on_tracer(module: Module, project: Project) -> Iterator[Finding]:
    """Finds Python branches on values that do not exist yet while tracing."""
    for each, confidence in _of_kind(module, project, "branch"):
        yield module.finding(
            "JX701",
            each.demand.node,
            f"`{each.demand.text}` is traced: it has no truth while JAX traces the function, so "
            f"this raises TracerBoolConversionError. Select with `jnp.where`, or branch with "
            f"`jax.lax.cond` or `jax.lax.while_loop`.",
            confidence=confidence,
        )


@rule(
    "JX702",
    "boolean-or-builtin-on-tracer",
    "`and`, `or`, `not`, a chained comparison or a builtin needs the truth of a traced value.",
    confidences=_ALL,
    in_tests=Confidence.PROVEN,
    tiers=("static", "trace"),
)
def boolean_on_tracer(module: Module, project: Project) -> Iterator[Finding]:
    """Finds Python operators and builtins that ask a tracer for its truth."""
    for each, confidence in _of_kind(module, project, "boolean"):
        yield module.finding(
            "JX702",
            each.demand.node,
            f"`{each.demand.text}` needs the truth of a traced value, which it does not have yet. "
            f"Use `&`, `|`, `~`, `jnp.logical_and`, `jnp.maximum`, `jnp.all` and the like.",
            confidence=confidence,
        )


@rule(
    "JX703",
    "loop-over-tracer",
    "A loop's length or a list's index is a traced value, or a loop unrolls over an array.",
    confidences=_ALL,
    in_tests=Confidence.PROVEN,
    tiers=("static", "trace"),
)
def loop_over_tracer(module: Module, project: Project) -> Iterator[Finding]:
    """Finds `range`, list indices and slices that need a tracer's value, and unrolled loops."""
    for each, confidence in _of_kind(module, project, "range", "index"):
        yield module.finding(
            "JX703",
            each.demand.node,
            f"`{each.demand.text}` is traced, so Python cannot count or index with it. "
            f"Use `jax.lax.fori_loop`, `jax.lax.scan`, `jax.lax.dynamic_slice` or index an array.",
            confidence=confidence,
        )
    for each, _ in _of_kind(module, project, "iterate"):
        yield module.finding(
            "JX703",
            each.demand.node,
            f"Looping over `{each.demand.text}` unrolls: the program, and the time to compile it, "
            f"grow with its first dimension. Use `jax.lax.scan`, `jax.lax.map` or `jax.vmap`.",
            confidence=Confidence.HEURISTIC,
        )


@rule(
    "JX704",
    "host-conversion-of-tracer",
    "A traced value is converted to a Python number or a NumPy array.",
    confidences=_ALL,
    in_tests=Confidence.PROVEN,
    tiers=("static", "trace"),
)
def host_conversion(module: Module, project: Project) -> Iterator[Finding]:
    """Finds `float`, `.item()` and NumPy functions of tracers."""
    for each, confidence in _of_kind(module, project, "convert"):
        yield module.finding(
            "JX704",
            each.demand.node,
            f"`{each.demand.text}` is traced and has no value to convert yet. Stay in `jnp`, and "
            f"convert outside of the traced function.",
            confidence=confidence,
        )


@rule(
    "JX705",
    "data-dependent-shape",
    "A shape depends on traced values.",
    confidences=_ALL,
    in_tests=Confidence.PROVEN,
    tiers=("static", "trace"),
)
def data_dependent_shape(module: Module, project: Project) -> Iterator[Finding]:
    """Finds results whose size only the data knows."""
    for each, confidence in _of_kind(module, project, "mask", "size"):
        yield module.finding(
            "JX705",
            each.demand.node,
            f"The size of this result depends on traced values (`{each.demand.text}`); shapes must "
            f"be known while tracing. Keep the full size and select with `jnp.where`, or pass "
            f"`size=`.",
            confidence=confidence,
        )


@rule(
    "JX706",
    "exit-under-traced-test",
    "A traced value decides whether a function returns early or raises.",
    confidences=_ALL,
    in_tests=Confidence.PROVEN,
    tiers=("static", "trace"),
)
def exit_under_traced_test(module: Module, project: Project) -> Iterator[Finding]:
    """Finds early returns and exceptions under a test of a tracer."""
    for each, confidence in _of_kind(module, project, "exit"):
        yield module.finding(
            "JX706",
            each.demand.node,
            f"`{each.demand.text}` is traced, so it cannot decide whether the function leaves "
            f"here. Compute both ways and select with `jnp.where` or `jax.lax.cond`; for errors "
            f"use `jax.experimental.checkify`.",
            confidence=confidence,
        )


@rule(
    "JX707",
    "except-for-traced-errors",
    "A handler waits for a numeric error that traced code never raises.",
    confidences=(Confidence.LIKELY,),
    tiers=("static", "trace"),
)
def except_for_traced_errors(module: Module, project: Project) -> Iterator[Finding]:
    """Finds handlers of numeric errors in traced functions."""
    live = Engine.of(project).live()
    for node in (*module.nodes(ast.Try), *module.nodes(ast.TryStar)):
        function = module.enclosing_function(node)
        if function is None or function.node not in live or not live[function.node].staged:
            continue
        for handler in node.handlers:
            caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
            if any(module.resolve(each) in _NUMERIC_ERRORS for each in caught):
                yield module.finding(
                    "JX707",
                    handler,
                    "Traced code raises no numeric errors: a division by zero gives inf or nan, "
                    "and this handler never runs. Test with `jnp.isfinite` and select with "
                    "`jnp.where`.",
                )


@rule(
    "JX708",
    "match-on-tracer",
    "A `match` statement compares a traced value.",
    confidences=_ALL,
    in_tests=Confidence.PROVEN,
    tiers=("static", "trace"),
)
def match_on_tracer(module: Module, project: Project) -> Iterator[Finding]:
    """Finds `match` statements on tracers."""
    for each, confidence in _of_kind(module, project, "match"):
        yield module.finding(
            "JX708",
            each.demand.node,
            f"`{each.demand.text}` is traced, so no case can be chosen while tracing. Use "
            f"`jax.lax.switch`.",
            confidence=confidence,
        )
