"""Item 8: contractions of more than two dimensions without einsum."""

import ast
import re
from collections.abc import Iterator

from ..mutants import Change, Source, operator

SPEC = re.compile(r"^([a-z]+),([a-z]+)->([a-z]*)$")


def _contractions(source: Source) -> Iterator[tuple[ast.Call, str, str, str, str]]:
    """Yields calls with a two-operand einsum over three or more dimensions.

    A contraction of two matrices is left out: `@` is fine there.
    """
    for call in source.module.nodes(ast.Call):
        spec = call.args[0] if len(call.args) >= 3 else None
        if isinstance(spec, ast.Constant) and isinstance(spec.value, str):
            found = SPEC.match(spec.value.replace(" ", ""))
            if found and max(len(found[1]), len(found[2])) >= 3 and set(found[1]) & set(found[2]):
                left, right = (source.text(each) for each in call.args[1:3])
                yield call, found[1], found[2], left, right


def _turned(first: str, second: str, right: str) -> str:
    """The right operand, its last axes swapped where the sum runs over the last axis of both."""
    if len(second) > 1 and first[-1] == second[-1]:
        return f"({right}).swapaxes(-1, -2)"
    return right


@operator(8, "einsum-to-operator")
def matmul_operator(source: Source) -> Iterator[Change]:
    """``jnp.einsum("bsi,io->bso", x, w)`` becomes ``x @ w``."""
    for call, first, second, left, right in _contractions(source):
        yield source.replaced(call, f"(({left}) @ {_turned(first, second, f'({right})')})")


@operator(8, "einsum-to-matmul")
def matmul(source: Source) -> Iterator[Change]:
    """``jnp.einsum("bsi,io->bso", x, w)`` becomes ``jnp.matmul(x, w)``."""
    for call, first, second, left, right in _contractions(source):
        yield source.replaced(call, f"jnp.matmul({left}, {_turned(first, second, right)})")


@operator(8, "einsum-to-tensordot")
def tensordot(source: Source) -> Iterator[Change]:
    """``jnp.einsum("bsi,io->bso", x, w)`` becomes ``jnp.tensordot(x, w, axes=1)``."""
    for call, first, second, left, right in _contractions(source):
        if first[-1] == second[0]:
            yield source.replaced(call, f"jnp.tensordot({left}, {right}, axes=1)")


@operator(8, "einsum-to-multiply-and-sum")
def multiplied(source: Source) -> Iterator[Change]:
    """``jnp.einsum("bsi,io->bso", x, w)`` becomes ``jnp.sum(x[..., None] * w, axis=-2)``."""
    for call, first, second, left, right in _contractions(source):
        if first[-1] == second[0] and len(second) == 2:
            yield source.replaced(call, f"jnp.sum(({left})[..., None] * ({right}), axis=-2)")
