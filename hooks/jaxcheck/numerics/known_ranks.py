"""The ranks that code relies on: shapes that it unpacks, and ranks that it asserts."""

import ast
from collections import defaultdict

from ..arrays.shape_assertions import RANK, SHAPE, claims
from ..source.bindings import scope_of
from ..source.module import Module
from ..source.scopes import Scope


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
        for call in module.nodes(ast.Call) if "chex" in module.source else ():
            name = module.resolve(call.func)
            for array, claim in claims(call) if name in (SHAPE, RANK) else ():
                rank = module.literal(claim) if name == RANK else spelt_rank(module, claim)
                _say(module, said, array, rank)
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
