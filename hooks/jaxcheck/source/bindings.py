"""What a name is bound to where it is read: the assignments that can reach it."""

import ast
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
    if module.index.scopes.get(name) is not scope:
        return every
    around = {name, *module.ancestors(name)}
    before = [b for b in every if b.statement not in around and _ends(b.statement, name)]
    last = next(
        (i for i in reversed(range(len(before))) if module.parent(before[i].statement) in around
         and _same_block(module, before[i].statement, around)),
        None,
    )  # fmt: skip
    found = before if last is None else before[last:]
    loops = [node for node in around if isinstance(node, _LOOPS)]
    for bound in every:
        later = bound not in found and not _ends(bound.statement, name)
        if later and any(loop in loops for loop in module.ancestors(bound.statement)):
            found = [*found, bound]
    targets = [b for b in every if b.statement in around and b.value is None]
    return [*targets, *found]


def _ends(statement: ast.AST, name: ast.Name) -> bool:
    end = (statement.end_lineno, statement.end_col_offset)  # pyright: ignore[reportAttributeAccessIssue]
    return end <= (name.lineno, name.col_offset)


def _same_block(module: Module, statement: ast.AST, around: set[ast.AST]) -> bool:
    """Whether the block that holds a statement also holds (an ancestor of) the read."""
    parent = module.parent(statement)
    for field in ("body", "orelse", "finalbody", "handlers"):
        block = getattr(parent, field, None)
        if isinstance(block, list) and statement in block:
            return any(other in around for other in block)
    return False


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
            bounds.sort(key=lambda b: (b.statement.lineno, b.statement.col_offset))  # pyright: ignore[reportAttributeAccessIssue]
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
