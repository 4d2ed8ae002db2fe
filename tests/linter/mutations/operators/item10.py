"""Item 10: guards and finite checks dropped."""

import ast
from collections.abc import Iterator

from ..mutants import Change, Source, operator
from .steps import called_in_steps, is_step

SENSITIVE = {
    f"{space}.{name}"
    for space in ("jax.numpy", "jax.lax")
    for name in ("log", "log2", "log10", "sqrt", "rsqrt", "reciprocal", "divide", "arccos")
}
FINITE = ("jax.numpy.isfinite", "jax.numpy.isnan", "numpy.isfinite")
UNSTABLE = {
    "jax.nn.log_softmax": "jnp.log(jax.nn.softmax({0}))",
    "jax.nn.logsumexp": "jnp.log(jnp.sum(jnp.exp({0}){1}))",
    "jax.numpy.log1p": "jnp.log(1 + {0})",
    "jax.numpy.expm1": "(jnp.exp({0}) - 1)",
    "jax.nn.log_sigmoid": "jnp.log(jax.nn.sigmoid({0}))",
}


def _guarded(source: Source) -> Iterator[ast.expr]:
    """Yields what a sensitive operation is applied to: an argument, or a denominator."""
    module = source.module
    for call in module.nodes(ast.Call):
        if module.resolve(call.func) in SENSITIVE and call.args:
            yield call.args[-1] if len(call.args) > 1 else call.args[0]
    for node in module.nodes(ast.BinOp):
        if isinstance(node.op, ast.Div):
            yield node.right


@operator(10, "eps-dropped")
def eps(source: Source) -> Iterator[Change]:
    """``jax.lax.rsqrt(x + 1e-6)`` becomes ``jax.lax.rsqrt(x)``."""
    for node in _guarded(source):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            value = source.module.literal(node.right)
            if isinstance(value, float) and 0 < value < 0.01:
                yield source.replaced(node, source.text(node.left))


@operator(10, "guard-dropped")
def guard(source: Source) -> Iterator[Change]:
    """``x / jnp.maximum(y, eps)`` becomes ``x / y``, and so for ``jnp.where`` and ``jnp.clip``."""
    for node in _guarded(source):
        if isinstance(node, ast.Call) and len(node.args) >= 2:
            name = source.module.resolve(node.func)
            if name in ("jax.numpy.maximum", "jax.numpy.clip"):
                yield source.replaced(node, f"({source.text(node.args[0])})")
            elif name == "jax.numpy.where":
                yield source.replaced(node, f"({source.text(node.args[1])})")


@operator(10, "finite-checks-dropped")
def finite(source: Source) -> Iterator[Change]:
    """Every check of a training step, or of what it calls, for finite numbers passes."""
    module = source.module
    assert module.project is not None
    called = {name for each in module.project.modules.values() for name in called_in_steps(each)}
    seen: set[ast.AST] = set()
    for function in module.functions:
        if function.name in called or is_step(module, function.node):
            calls = [n for n in ast.walk(function.node) if isinstance(n, ast.Call)]
            checks = [call for call in calls if module.resolve(call.func) in FINITE]
            if checks and checks[0] not in seen:  # a step may stand inside a function
                seen.add(checks[0])
                edits = tuple(source.put(call, "jnp.bool_(True)") for call in checks)
                yield Change(checks[0], edits)


@operator(10, "stable-form-unrolled")
def unrolled(source: Source) -> Iterator[Change]:
    """``jax.nn.log_softmax(x)`` becomes ``jnp.log(jax.nn.softmax(x))``."""
    for call in source.module.nodes(ast.Call):
        pattern = UNSTABLE.get(source.module.resolve(call.func) or "")
        if pattern and call.args:
            more = "".join(f", {source.text(each)}" for each in [*call.args[1:], *call.keywords])
            first = source.text(call.args[0])
            if "{1}" in pattern:
                yield source.replaced(call, pattern.format(first, more))
            else:
                yield source.replaced(call, pattern.format(first + more))
