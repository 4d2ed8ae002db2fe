"""Item 7: no Python control flow on traced values.

Control flow on what is known while tracing (shapes, dtypes, `None`, configuration) is idiomatic and
not looked at.
"""

import ast
from collections.abc import Iterator
from functools import partial

from ..catalogue import rule
from ..findings import Confidence, Finding
from ..flow.engine import Engine
from ..flow.judging import TracedDemand, traced_demands
from ..project import Project
from ..source.module import Module

_rule = partial(
    rule,
    profile="bugs",
    confidences=(Confidence.PROVEN, Confidence.LIKELY, Confidence.HEURISTIC),
    in_tests=Confidence.PROVEN,
    tiers=("static", "trace"),
)
_NUMERIC_ERRORS = frozenset(
    f"builtins.{name}"
    for name in ("FloatingPointError", "ZeroDivisionError", "ArithmeticError", "OverflowError")
)


def _of_kind(
    module: Module, project: Project, *kinds: str
) -> Iterator[tuple[TracedDemand, Confidence]]:
    for each in traced_demands(module, project):
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
            not each.container
            and each.demand.direct
            and (each.unannotated or each.demand.raw & each.summary.arrays)
        ):
            yield each, Confidence.LIKELY


def _report(
    module: Module, project: Project, code: str, kinds: tuple[str, ...], message: str
) -> Iterator[Finding]:
    """Yields a finding for each demand of these kinds; the message says `{text}` for the value."""
    for each, confidence in _of_kind(module, project, *kinds):
        said = message.format(text=each.demand.text)
        yield module.finding(code, each.demand.node, said, confidence=confidence)


@_rule(
    "JX701",
    "branch-on-tracer",
    "An `if`, `while`, `assert` or conditional expression tests a traced value.",
)
def branch_on_tracer(module: Module, project: Project) -> Iterator[Finding]:
    """Finds Python branches on values that do not exist yet while tracing."""
    yield from _report(
        module,
        project,
        "JX701",
        ("branch",),
        "`{text}` is traced: it has no truth while JAX traces the function, so "
        "this raises TracerBoolConversionError. Select with `jnp.where`, or branch with "
        "`jax.lax.cond` or `jax.lax.while_loop`.",
    )


@_rule(
    "JX702",
    "boolean-or-builtin-on-tracer",
    "`and`, `or`, `not`, a chained comparison or a builtin needs the truth of a traced value.",
)
def boolean_on_tracer(module: Module, project: Project) -> Iterator[Finding]:
    """Finds Python operators and builtins that ask a tracer for its truth."""
    yield from _report(
        module,
        project,
        "JX702",
        ("boolean",),
        "`{text}` needs the truth of a traced value, which it does not have yet. "
        "Use `&`, `|`, `~`, `jnp.logical_and`, `jnp.maximum`, `jnp.all` and the like.",
    )


@_rule(
    "JX703",
    "loop-over-tracer",
    "A loop's length or a list's index is a traced value, or a loop unrolls over an array.",
)
def loop_over_tracer(module: Module, project: Project) -> Iterator[Finding]:
    """Finds `range`, list indices and slices that need a tracer's value, and unrolled loops."""
    yield from _report(
        module,
        project,
        "JX703",
        ("range", "index"),
        "`{text}` is traced, so Python cannot count or index with it. "
        "Use `jax.lax.fori_loop`, `jax.lax.scan`, `jax.lax.dynamic_slice` or index an array.",
    )
    for each, _ in _of_kind(module, project, "iterate"):
        yield module.finding(
            "JX703",
            each.demand.node,
            f"Looping over `{each.demand.text}` unrolls: the program, and the time to compile it, "
            f"grow with its first dimension. Use `jax.lax.scan`, `jax.lax.map` or `jax.vmap`.",
            confidence=Confidence.HEURISTIC,
        )


@_rule(
    "JX704",
    "host-conversion-of-tracer",
    "A traced value is converted to a Python number or a NumPy array.",
)
def host_conversion(module: Module, project: Project) -> Iterator[Finding]:
    """Finds `float`, `.item()` and NumPy functions of tracers."""
    yield from _report(
        module,
        project,
        "JX704",
        ("convert",),
        "`{text}` is traced and has no value to convert yet. Stay in `jnp`, and "
        "convert outside of the traced function.",
    )


@_rule(
    "JX705",
    "data-dependent-shape",
    "A shape depends on traced values.",
)
def data_dependent_shape(module: Module, project: Project) -> Iterator[Finding]:
    """Finds results whose size only the data knows."""
    yield from _report(
        module,
        project,
        "JX705",
        ("mask", "size"),
        "The size of this result depends on traced values (`{text}`); shapes must "
        "be known while tracing. Keep the full size and select with `jnp.where`, or pass "
        "`size=`.",
    )


@_rule(
    "JX706",
    "exit-under-traced-test",
    "A traced value decides whether a function returns early or raises.",
)
def exit_under_traced_test(module: Module, project: Project) -> Iterator[Finding]:
    """Finds early returns and exceptions under a test of a tracer."""
    yield from _report(
        module,
        project,
        "JX706",
        ("exit",),
        "`{text}` is traced, so it cannot decide whether the function leaves "
        "here. Compute both ways and select with `jnp.where` or `jax.lax.cond`; for errors "
        "use `jax.experimental.checkify`.",
    )


@rule(
    "JX707",
    "except-for-traced-errors",
    "A handler waits for a numeric error that traced code never raises.",
    profile="bugs",
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


@_rule(
    "JX708",
    "match-on-tracer",
    "A `match` statement compares a traced value.",
)
def match_on_tracer(module: Module, project: Project) -> Iterator[Finding]:
    """Finds `match` statements on tracers."""
    yield from _report(
        module,
        project,
        "JX708",
        ("match",),
        "`{text}` is traced, so no case can be chosen while tracing. Use `jax.lax.switch`.",
    )
