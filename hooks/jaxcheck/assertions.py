"""Assertions about shapes: chex's, and plain `assert` statements."""

import ast
from collections import defaultdict
from dataclasses import dataclass

from .bindings import scope_of
from .source.module import Module
from .source.scopes import Scope

SHAPES = frozenset(
    f"chex.assert_{name}"
    for name in (
        "axis_dimension", "axis_dimension_comparator", "axis_dimension_gt", "axis_dimension_gteq",
        "axis_dimension_lt", "axis_dimension_lteq", "equal_rank", "equal_shape",
        "equal_shape_prefix", "equal_shape_suffix", "equal_size", "is_broadcastable", "rank",
        "scalar", "shape", "size", "tree_shape", "tree_shape_prefix", "tree_shape_suffix",
        "trees_all_equal_shapes", "trees_all_equal_shapes_and_dtypes", "trees_all_equal_sizes",
    )
)  # fmt: skip
VALUES = frozenset(
    f"chex.assert_{name}"
    for name in (
        "scalar_in", "scalar_negative", "scalar_non_negative", "scalar_positive",
        "tree_all_finite", "trees_all_close", "trees_all_close_ulp", "trees_all_equal",
    )
)  # fmt: skip
_TREES = ("tree_shape", "trees_all", "tree_shape_prefix", "tree_shape_suffix")


@dataclass(frozen=True, slots=True)
class Assertion:
    """A call of one of chex's assertions about shapes.

    Attributes:
        node: The call.
        name: The assertion, such as `assert_shape`.
        arrays: What it is about, a list taken apart.
        expected: The shape, the rank or the axis that is expected; None where it takes none.
    """

    node: ast.Call
    name: str
    arrays: tuple[ast.expr, ...]
    expected: ast.expr | None

    def expected_of(self, position: int) -> ast.expr | None:
        """Returns what is expected of one of the arrays, where a list says it for each of them.

        `assert_rank` takes a set of ranks for alternatives, and a list for as many arrays.
        """
        each = self.expected
        several = isinstance(self.node.args[0], ast.List | ast.Tuple) if self.node.args else False
        listed = isinstance(each, ast.List) or (
            self.name == "assert_rank" and isinstance(each, ast.Tuple)
        )
        if several and isinstance(each, ast.List | ast.Tuple) and listed:
            nested = self.name == "assert_rank" or all(
                isinstance(element, ast.Tuple | ast.List) for element in each.elts
            )
            if nested:
                return each.elts[position] if position < len(each.elts) else None
        return each


def assertions(module: Module) -> list[Assertion]:
    """Returns chex's shape assertions in a module, in source order."""
    assert module.project is not None
    key = ("assertions", id(module))
    found: list[Assertion] | None = module.project.facts.get(key)
    if found is None:
        calls = module.nodes(ast.Call) if "chex" in module.source else []
        found = [
            _assertion(call, name)
            for call in calls
            if (name := module.resolve(call.func)) in SHAPES and name is not None
        ]
        module.project.facts[key] = found
    return found


def _assertion(call: ast.Call, name: str) -> Assertion:
    last = name.rpartition(".")[2]
    keywords = {k.arg: k.value for k in call.keywords}
    first = call.args[0] if call.args else keywords.get("inputs", keywords.get("tensor"))
    if last.startswith("assert_trees_all"):
        return Assertion(call, last, tuple(call.args), None)
    arrays: tuple[ast.expr, ...] = () if first is None else (first,)
    if isinstance(first, ast.List | ast.Tuple):
        arrays = tuple(first.elts)
    names = ("expected_shapes", "expected_ranks", "expected_prefix", "axis")
    given = [keywords[each] for each in names if each in keywords]
    expected = call.args[1] if len(call.args) > 1 else (given[0] if given else None)
    return Assertion(call, last, arrays, expected)


def spelt_rank(module: Module, node: ast.expr | None) -> int | None:
    """Returns the length of a shape that is spelt out, such as `(batch, None, 3)`."""
    if isinstance(node, ast.Name):
        value = module.index.scopes[node].aliases.get(node.id) if _once(module, node) else None
        node = value if isinstance(value, ast.Tuple) else None
    if not isinstance(node, ast.Tuple | ast.List):
        return None
    for element in node.elts:
        if isinstance(element, ast.Starred):
            return None
        if isinstance(element, ast.Constant) and element.value is Ellipsis:
            return None
    return len(node.elts)


def _once(module: Module, node: ast.Name) -> bool:
    scope = module.index.scopes.get(node)
    return scope is not None and scope.bound.get(node.id) == 1


def known_ranks(module: Module) -> dict[tuple[Scope, str], int]:
    """Returns the ranks of variables that code relies on.

    A rank is known from `b, t, d = x.shape`, from `chex.assert_rank` and `chex.assert_shape`, and
    from `assert x.ndim == 3`. Of variables that are bound several times nothing is said.
    """
    assert module.project is not None
    key = ("known ranks", id(module))
    found: dict[tuple[Scope, str], int] | None = module.project.facts.get(key)
    if found is None:
        said: defaultdict[tuple[Scope, str], set[int]] = defaultdict(set)
        for assign in module.nodes(ast.Assign):
            target = assign.targets[0]
            if isinstance(target, ast.Tuple) and not _starred(target):
                _say(module, said, _shape_of(assign.value), len(target.elts))
        for each in assertions(module):
            for position, array in enumerate(each.arrays):
                expected = each.expected_of(position)
                if each.name == "assert_rank":
                    _say(module, said, array, module.literal(expected))
                elif each.name == "assert_shape":
                    _say(module, said, array, spelt_rank(module, expected))
        for statement in module.nodes(ast.Assert):
            array, rank = plain_rank(module, statement.test)
            _say(module, said, array, rank)
        found = {place: ranks.pop() for place, ranks in said.items() if len(ranks) == 1}
        module.project.facts[key] = found
    return found


def plain_rank(module: Module, test: ast.expr) -> tuple[ast.expr | None, int | None]:
    """Reads `x.ndim == 3` and `len(x.shape) == 3`: the array and the number."""
    if (
        not isinstance(test, ast.Compare)
        or len(test.ops) != 1
        or not isinstance(test.ops[0], ast.Eq)
    ):
        return None, None
    rank = module.literal(test.comparators[0])
    left = test.left
    if not isinstance(rank, int):
        return None, None
    if isinstance(left, ast.Attribute) and left.attr == "ndim":
        return left.value, rank
    if isinstance(left, ast.Call) and module.resolve(left.func) == "builtins.len" and left.args:
        return _shape_of(left.args[0]), rank
    return None, None


def _shape_of(node: ast.expr) -> ast.expr | None:
    """The array of `x.shape`, or of `jnp.shape(x)`."""
    return node.value if isinstance(node, ast.Attribute) and node.attr == "shape" else None


def _starred(target: ast.Tuple) -> bool:
    return any(isinstance(each, ast.Starred) for each in target.elts)


def _say(
    module: Module,
    said: defaultdict[tuple[Scope, str], set[int]],
    array: ast.expr | None,
    rank: int | None,
) -> None:
    if isinstance(array, ast.Name) and type(rank) is int:
        scope = scope_of(module, array)
        if scope is not None and scope.bound.get(array.id) == 1:
            said[scope, array.id].add(rank)
