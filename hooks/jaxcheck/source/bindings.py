"""What a name is bound to where it is read: the assignments that can reach it."""

import ast
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass

from .module import Module
from .scopes import Parameter, Scope

_LOOPS = (ast.For, ast.AsyncFor, ast.While)


@dataclass(frozen=True, slots=True)
class Bound:
    """One binding of a name.

    Attributes:
        statement: The statement that binds it.
        value: The expression whose value is taken apart; None where there is none to see.
        path: Where in that value the name's own part lies: `(1, 0)` for `c` in `a, (c, d) = f()`.
    """

    statement: ast.AST
    value: ast.expr | None
    path: tuple[int, ...] = ()


_Table = dict[tuple[Scope, str], list[Bound]]


def scope_of(module: Module, name: ast.Name) -> Scope | None:
    """Returns the scope that binds a name; None for a built-in or an unknown one."""
    start = here = module.index.scopes.get(name)
    while here is not None:
        if name.id in here.bound and not (here.is_class and here is not start):
            return here
        here = here.parent
    return None


def parameter_of(module: Module, name: ast.Name) -> Parameter | None:
    """Returns the parameter that a name refers to, unless it is bound again."""
    scope = scope_of(module, name)
    function = module.index.functions.get(scope.node) if scope else None
    parameter = function.parameter(name.id) if function else None
    return parameter if parameter and not reaching(module, name) else None


def bindings(module: Module, name: ast.Name) -> list[Bound]:
    """Returns every assignment to a name in the scope that binds it, in source order."""
    scope = scope_of(module, name)
    return _table(module).get((scope, name.id), []) if scope else []


def reaching(module: Module, name: ast.Name) -> list[Bound]:
    """Returns the assignments that can reach a read of a name, the surest first.

    An assignment hides the earlier ones where it stands in a block around the read. In a loop
    later assignments count too. A name of an outer function may have any of its values. Empty
    means that the name still has the value of a parameter, or one that is not known.
    """
    every = bindings(module, name)
    if not every:
        return every
    scope = scope_of(module, name)
    if scope is None or module.index.scopes.get(name) is not scope:
        return every
    inside: dict[ast.AST, ast.AST] = {}
    """The nodes around the read, each with the one in it that the read is in."""
    below: ast.AST = name
    for up in module.ancestors(name):
        inside[up] = below
        below = up
    found: list[Bound] = []
    for at in range(
        bisect_left(every, _begin(name), key=lambda b: _begin(b.statement)) - 1, -1, -1
    ):
        statement = every[at].statement
        if statement not in inside and _ends(statement, name):
            found.append(every[at])
            if _hides(module, statement, inside):
                break
    found.reverse()
    loops = [node for node in inside if isinstance(node, _LOOPS)]
    if loops:
        seen = set(map(id, found))
        found += [
            bound
            for bound in every
            if id(bound) not in seen and not _ends(bound.statement, name)
            and any(loop in loops for loop in module.ancestors(bound.statement))
        ]  # fmt: skip
    holders = _holders(module)
    targets = [b for up in reversed(inside) for b in holders.get((scope, name.id, up), ())]
    return [*targets, *found]


def _begin(node: ast.AST) -> tuple[int, int]:
    return (node.lineno, node.col_offset)  # pyright: ignore[reportAttributeAccessIssue]


def _ends(statement: ast.AST, name: ast.Name) -> bool:
    end = (statement.end_lineno, statement.end_col_offset)  # pyright: ignore[reportAttributeAccessIssue]
    return end <= (name.lineno, name.col_offset)


def _hides(module: Module, statement: ast.AST, inside: dict[ast.AST, ast.AST]) -> bool:
    """Whether a statement stands before the read in a block that is around it."""
    parent = module.parent(statement)
    if parent not in inside:
        return False
    blocks = [getattr(parent, name, None) for name in ("body", "orelse", "finalbody", "handlers")]
    blocks = [block for block in blocks if isinstance(block, list) and block]
    if len(blocks) == 1:
        return True  # it is over before the read, and all else of its parent comes before it
    return any(statement in block and inside[parent] in block for block in blocks)


def _holders(module: Module) -> dict[tuple[Scope, str, ast.AST], list[Bound]]:
    """Returns, for statements that others stand in, what they bind: the targets of loops."""
    assert module.project is not None
    key = ("holders", id(module))
    found = module.project.facts.get(key)
    if found is None:
        found = module.project.facts[key] = defaultdict(list)
        for (scope, name), bounds in _table(module).items():
            for bound in bounds:
                if bound.value is None:
                    found[scope, name, bound.statement].append(bound)
    return found


def _table(module: Module) -> _Table:
    assert module.project is not None
    key = ("bindings", id(module))
    found: _Table | None = module.project.facts.get(key)
    if found is None:
        found = module.project.facts[key] = defaultdict(list)
        for assign in module.nodes(ast.Assign):
            for target in assign.targets:
                _add(module, found, target, assign, assign.value, ())
        for kind in (ast.AnnAssign, ast.NamedExpr):
            for node in module.nodes(kind):
                if node.value is not None:
                    _add(module, found, node.target, node, node.value, ())
        for node in module.nodes(ast.AugAssign):
            _add(module, found, node.target, node, None, ())
        for kind in (ast.For, ast.AsyncFor, ast.comprehension):
            for node in module.nodes(kind):
                holder = node if kind is not ast.comprehension else module.parent(node)
                if holder is not None:
                    _add(module, found, node.target, holder, None, ())
        for item in module.nodes(ast.withitem):
            statement = module.parent(item)
            if item.optional_vars is not None and statement is not None:
                _add(module, found, item.optional_vars, statement, None, ())
        for bounds in found.values():
            bounds.sort(key=lambda b: _begin(b.statement))
    return found


def _add(
    module: Module,
    table: _Table,
    target: ast.expr,
    statement: ast.AST,
    value: ast.expr | None,
    path: tuple[int, ...],
) -> None:
    if isinstance(target, ast.Name):
        scope = scope_of(module, target)
        if scope is not None:
            table[scope, target.id].append(Bound(statement, value, path))
    elif isinstance(target, ast.Tuple | ast.List):
        starred = False
        for position, element in enumerate(target.elts):
            if isinstance(element, ast.Starred):
                starred = True
                _add(module, table, element.value, statement, None, ())
            else:
                inner = None if starred else value
                _add(module, table, element, statement, inner, (*path, position))
