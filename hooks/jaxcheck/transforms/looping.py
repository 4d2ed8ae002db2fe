"""What happens again and again: the loops around a node, and the values that they change."""

import ast
from collections.abc import Iterator

from ..source.module import Module

Loop = ast.For | ast.AsyncFor | ast.While
_COUNTERS = frozenset({"builtins.range", "builtins.enumerate", "itertools.count"})
# So few rounds are an unrolled loop, and compiling for each of them may well be meant.
FEW = 8


def loops_around(module: Module, node: ast.AST) -> Iterator[Loop]:
    """Yields the loops whose body a node runs in, from the inside out, in its own function."""
    below = node
    for up in module.ancestors(node):
        if isinstance(up, ast.FunctionDef | ast.AsyncFunctionDef):
            if below not in up.decorator_list:
                return
        elif isinstance(up, ast.Lambda | ast.ClassDef):
            return
        elif isinstance(up, ast.For | ast.AsyncFor | ast.While) and below in up.body:
            yield up
        below = up


def short(module: Module, loop: Loop) -> bool:
    """Whether a loop runs over a few values that the source shows."""
    if isinstance(loop, ast.While):
        return False
    over = loop.iter
    if isinstance(over, ast.Call) and module.resolve(over.func) == "builtins.range":
        ends = [module.literal(argument) for argument in over.args]
        if all(isinstance(end, int) for end in ends) and 1 <= len(ends) <= 3 and 0 not in ends[2:]:
            return len(range(*ends)) <= FEW
        return False
    values = module.literal(over)
    return isinstance(values, tuple | str) and len(values) <= FEW


def counters(module: Module, loop: Loop) -> set[str]:
    """Returns the names that hold another number in each round of a loop."""
    found: set[str] = set()
    if isinstance(loop, ast.While):
        for statement in _statements(loop):
            if isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
                found.add(statement.target.id)
        return found
    over = loop.iter
    if not isinstance(over, ast.Call) or module.resolve(over.func) not in _COUNTERS:
        return found
    target = loop.target
    if isinstance(target, ast.Tuple) and target.elts:
        target = target.elts[0]  # of enumerate, the number
    return {target.id} if isinstance(target, ast.Name) else found


def varying(module: Module, loop: Loop) -> set[str]:
    """Returns the counters of a loop and the names computed from them in its body."""
    found = counters(module, loop)
    for statement in _statements(loop):
        if isinstance(statement, ast.Assign) and varies(module, statement.value, found):
            found |= {t.id for t in statement.targets if isinstance(t, ast.Name)}
    return found


def varies(module: Module, node: ast.expr, names: set[str]) -> bool:
    """Whether an expression takes as many values as the names that it is computed from.

    Comparisons, remainders and quotients take few, so they do not count; a call counts where it
    is given such a value, as in `schedule(step)`.
    """
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Mod | ast.FloorDiv | ast.BitAnd):
            return False
        return varies(module, node.left, names) or varies(module, node.right, names)
    if isinstance(node, ast.UnaryOp):
        return not isinstance(node.op, ast.Not) and varies(module, node.operand, names)
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        return varies(module, node.args[0], names)
    return False


def names_in(node: ast.AST) -> set[str]:
    """Returns every name in a function or an expression."""
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}


def _statements(loop: Loop) -> Iterator[ast.stmt]:
    """Yields the statements of a loop's body, inner blocks included, in order."""
    todo: list[ast.AST] = list(reversed(loop.body))
    while todo:
        node = todo.pop()
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            todo.extend(reversed(list(ast.iter_child_nodes(node))))
