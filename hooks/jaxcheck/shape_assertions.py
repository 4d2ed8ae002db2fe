"""Assertions about shapes: which calls they are, what they are about, what they claim."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from .calls import calls_of, chain, inside
from .project import Project
from .source.module import Module
from .source.scopes import Function

SHAPE = "chex.assert_shape"
RANK = "chex.assert_rank"
_ASSERTIONS = frozenset(
    f"chex.assert_{name}"
    for name in (
        "shape", "rank", "equal_shape", "equal_shape_prefix", "equal_shape_suffix", "equal_rank",
        "axis_dimension", "axis_dimension_comparator", "axis_dimension_gt", "axis_dimension_gteq",
        "axis_dimension_lt", "axis_dimension_lteq", "tree_shape_prefix", "tree_shape_suffix",
        "trees_all_equal_shapes", "trees_all_equal_shapes_and_dtypes", "scalar", "size",
        "is_divisible", "equal_size", "is_broadcastable",
    )
)  # fmt: skip
# These look at values, which traced arrays do not have.
VALUES = frozenset(
    f"chex.assert_{name}"
    for name in (
        "tree_all_finite", "trees_all_close", "trees_all_equal", "numerical_grads", "scalar_in",
        "scalar_negative", "scalar_positive", "scalar_non_negative", "trees_all_close_ulp",
    )
)  # fmt: skip
CHEXIFY = "chex.chexify"


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion about shapes.

    Attributes:
        call: The call.
        name: Its canonical name.
        about: The variables that it is about.
    """

    call: ast.Call
    name: str
    about: tuple[ast.Name, ...]


def assertions(module: Module, function: Function) -> list[Assertion]:
    """Returns the assertions about shapes in a function's own body, in order."""
    return list(_assertions(module, calls_of(module)[function.node]))


def asserts_shapes(module: Module, project: Project, function: Function) -> bool:
    """Whether a function, or one around it, asserts shapes itself or by a helper for that."""
    calls = inside(module, chain(function)[-1])
    if any(True for _ in _assertions(module, calls)):
        return True
    helpers = project.settings.shape_assertion_helpers
    for call in calls:
        name = module.resolve(call.func)
        if name is None:
            continue
        if name in helpers or name.rpartition(".")[2] in helpers:
            return True
        found = project.function(name)
        if found is not None and _validates(*found):
            return True
    return False


def _assertions(module: Module, calls: list[ast.Call]) -> Iterator[Assertion]:
    for call in calls:
        name = module.resolve(call.func)
        if name in _ASSERTIONS and name is not None:
            names = ast.walk(call.args[0]) if call.args else ()
            yield Assertion(call, name, tuple(n for n in names if isinstance(n, ast.Name)))


def _validates(module: Module, function: Function) -> bool:
    """Whether a function asserts shapes and returns nothing."""
    if isinstance(function.node, ast.Lambda) or not assertions(module, function):
        return False
    last = function.node.body[-1]
    return not (isinstance(last, ast.Return) and last.value is not None)
