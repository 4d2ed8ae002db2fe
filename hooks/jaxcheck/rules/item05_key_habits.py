"""Item 5: habits around keys that are wrong on one line, without following any key."""

import ast
from collections.abc import Iterator

from ..catalogue import rule
from ..findings import Confidence, Finding, Severity
from ..project import Project
from ..source.mentions import mentions
from ..source.module import Module
from ..source.scopes import Scope

SPLIT = "jax.random.split"
FOLD_IN = "jax.random.fold_in"


@rule(
    "JX505",
    "unused-split-result",
    "A key that comes out of `jax.random.split` is never used.",
    profile="bugs",
    confidences=(Confidence.PROVEN,),
    severity=Severity.WARNING,
)
def unused_split_result(module: Module, project: Project) -> Iterator[Finding]:
    """Finds split keys that no later line of the function reads."""
    for call in module.nodes(ast.Call):
        name = module.resolve(call.func)
        if name != SPLIT and name != FOLD_IN:
            continue
        around = module.parent(call)
        if isinstance(around, ast.Expr):
            if not isinstance(module.parent(around), ast.Try):  # a probe for an error
                yield module.finding("JX505", call, _dropped(module, call))
        elif name == SPLIT and isinstance(around, ast.Assign | ast.AnnAssign):
            scope = module.index.scopes[around]
            if isinstance(scope.node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from _unread(module, call, around, scope)


def _dropped(module: Module, call: ast.Call) -> str:
    given = module.text(call.args[0]) if call.args else "the key"
    return (
        f"The result is dropped and `{given}` stays what it was: the next draw from it gives the "
        f"bits that it would give without this line. Assign the result and draw from that."
    )


def _unread(
    module: Module, call: ast.Call, statement: ast.Assign | ast.AnnAssign, scope: Scope
) -> Iterator[Finding]:
    renewed = {n.id for a in call.args for n in ast.walk(a) if isinstance(n, ast.Name)}
    for target in _targets(statement):
        name = target.id
        if name.startswith(("_", "unused", "dummy")) or name in renewed or name in scope.declared:
            continue
        if any(_reads(module, use, scope, statement) for use in mentions(module, name, scope)):
            continue
        if _reads_all(module, scope):
            return
        message = (
            f"The key `{name}` is never used: either a draw below takes another key in its place "
            f"and repeats that key's bits, or one key too many is split off. Use `{name}` there, "
            f"or name it `_`."
        )
        yield module.finding("JX505", target, message)


def _targets(statement: ast.Assign | ast.AnnAssign) -> Iterator[ast.Name]:
    """Yields the names that an assignment binds to keys, or to arrays of keys."""
    todo: list[ast.expr] = []
    todo += statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    for target in todo:
        if isinstance(target, ast.Name):
            yield target
        elif isinstance(target, ast.Starred):
            todo.append(target.value)
        elif isinstance(target, ast.Tuple | ast.List):
            todo.extend(target.elts)


def _reads(
    module: Module, use: ast.Name, scope: Scope, statement: ast.Assign | ast.AnnAssign
) -> bool:
    """Whether a mention of a name may use what the statement binds it to."""
    if module.index.scopes[use] is not scope:
        return True  # a closure, which may run at any time
    if isinstance(use.ctx, ast.Store):
        return False
    if (use.lineno, use.col_offset) >= (statement.end_lineno, statement.end_col_offset):
        return True
    loops = (ast.For, ast.AsyncFor, ast.While)
    return any(
        isinstance(up, loops) and up.lineno <= use.lineno for up in module.ancestors(statement)
    )


def _reads_all(module: Module, scope: Scope) -> bool:
    """Whether a function reads its variables by other means than their names."""
    return any(
        isinstance(call.func, ast.Name)
        and call.func.id in ("locals", "vars", "eval", "exec")
        and module.index.scopes[call] is scope
        for call in module.nodes(ast.Call)
    )


@rule(
    "JX511",
    "pointless-split-of-one",
    "A key is split into one key.",
    confidences=(Confidence.PROVEN,),
    severity=Severity.NOTE,
)
def pointless_split_of_one(module: Module, project: Project) -> Iterator[Finding]:
    """Finds `split(key, 1)` whose only element is taken at once."""
    for call in module.nodes(ast.Call):
        if module.resolve(call.func) != SPLIT or not call.args:
            continue
        number = call.args[1] if len(call.args) > 1 else None
        number = next((k.value for k in call.keywords if k.arg == "num"), number)
        if not (isinstance(number, ast.Constant) and number.value == 1) or not _is_taken(
            module, call
        ):
            continue
        key = module.text(call.args[0])
        message = (
            f"Splitting `{key}` into one key spends it and leaves nothing to split from later. "
            f"Draw from `{key}` itself, or write `{key}, subkey = {module.text(call.func)}({key})` "
            f"if more draws follow."
        )
        yield module.finding("JX511", call, message)


def _is_taken(module: Module, call: ast.Call) -> bool:
    around = module.parent(call)
    if isinstance(around, ast.Subscript):
        index = around.slice
        return isinstance(index, ast.Constant) and index.value == 0
    if isinstance(around, ast.Assign) and len(around.targets) == 1:
        target = around.targets[0]
        return (
            isinstance(target, ast.Tuple | ast.List)
            and len(target.elts) == 1
            and not isinstance(target.elts[0], ast.Starred)
        )
    return False
