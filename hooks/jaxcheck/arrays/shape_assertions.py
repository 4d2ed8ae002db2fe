"""Assertions about shapes: which calls they are, what they are about, what they claim."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ..project import Project
from ..source.bindings import scope_of
from ..source.calls import calls_of, chain, inside
from ..source.module import Module
from ..source.scopes import Function

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


def all_assertions(module: Module) -> Iterator[tuple[Function, Assertion]]:
    """Yields the assertions about shapes in a module, each with the function it stands in."""
    if "chex" not in module.source:
        return
    for function in module.functions:
        for assertion in assertions(module, function):
            yield function, assertion


def asserts_shapes(module: Module, project: Project, function: Function) -> bool:
    """Whether a function, or one around it, asserts shapes itself or by a helper for that.

    A bare `assert` counts, and so does raising an error of its own. What runs for nobody, in
    unreachable code or under a flag, does not, nor what is about none of the function's variables.
    """
    outermost = chain(function)[-1]
    calls = inside(module, outermost)
    for assertion in _assertions(module, calls):
        if _is_about_data(module, assertion.call) and _runs(module, assertion.call):
            return True
    if _by_hand(module, outermost):
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


def _is_about_data(module: Module, call: ast.Call) -> bool:
    """Whether an assertion mentions a variable of a function, the instance left out."""
    for argument in call.args:
        for node in ast.walk(argument):
            scope = scope_of(module, node) if isinstance(node, ast.Name) else None
            around = module.index.functions.get(scope.node) if scope else None
            if around is not None and isinstance(node, ast.Name):
                first = around.parameters[0].name if around.is_method and around.parameters else ""
                if node.id != first:
                    return True
    return False


def _runs(module: Module, call: ast.Call) -> bool:
    """Whether a call is reached without a flag that switches it on."""
    node: ast.AST = call
    for up in module.ancestors(call):
        if isinstance(up, ast.If) and _is_flag(up.test):
            other = up.orelse if node in up.body else up.body
            if not any(_asserts(module, statement) for statement in other):
                return False
        for block in (getattr(up, "body", None), getattr(up, "orelse", None)):
            if isinstance(block, list) and node in block:
                before = block[: block.index(node)]
                if any(isinstance(each, ast.Return | ast.Raise) for each in before):
                    return False
        if up in module.index.functions:
            return True
        node = up
    return True


def _is_flag(test: ast.expr) -> bool:
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        test = test.operand
    return isinstance(test, ast.Name | ast.Attribute | ast.Constant)


def _asserts(module: Module, statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Call) and module.resolve(node.func) in _ASSERTIONS
        for node in ast.walk(statement)
    )


def _by_hand(module: Module, function: Function) -> bool:
    """Whether a function checks a shape by `assert`, or by an `if` that raises."""
    tests = [node.test for node in module.nodes(ast.Assert)]
    tests += [n.test for n in module.nodes(ast.If) if any(isinstance(s, ast.Raise) for s in n.body)]
    for test in tests:
        around = module.enclosing_function(test)
        if around is not None and chain(around)[-1] is function and _looks_at_shape(test):
            return True
    return False


def _looks_at_shape(test: ast.expr) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("shape", "ndim")
        for node in ast.walk(test)
    )


def _assertions(module: Module, calls: list[ast.Call]) -> Iterator[Assertion]:
    for call in calls:
        name = module.resolve(call.func)
        if name in _ASSERTIONS and name is not None:
            names = ast.walk(call.args[0]) if call.args else ()
            yield Assertion(call, name, tuple(n for n in names if isinstance(n, ast.Name)))


def claims(call: ast.Call) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yields each array that an assertion names, with the shape or the rank that it must have.

    A list of expectations is one for each array, as in `assert_rank([x, y], [3, 2])`; a single one
    is for all of them.
    """
    if len(call.args) < 2:
        return
    first, claim = call.args[:2]
    if not isinstance(first, ast.List | ast.Tuple):
        yield first, claim
        return
    for position, array in enumerate(first.elts):
        if not isinstance(claim, ast.List):
            yield array, claim
        elif position < len(claim.elts):
            yield array, claim.elts[position]


def _validates(module: Module, function: Function) -> bool:
    """Whether a function asserts shapes and returns nothing."""
    if isinstance(function.node, ast.Lambda) or not assertions(module, function):
        return False
    last = function.node.body[-1]
    return not (isinstance(last, ast.Return) and last.value is not None)
