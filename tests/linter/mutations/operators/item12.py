"""Item 12: shape assertions deleted, emptied, shortened or too late."""

import ast
from collections.abc import Iterator

from ..mutants import Change, Edit, Source, operator

ASSERTIONS = {
    f"chex.{name}"
    for name in (
        "assert_shape", "assert_rank", "assert_equal_shape", "assert_axis_dimension",
        "assert_equal_shape_prefix", "assert_equal_rank",
    )
}  # fmt: skip


def _assertions(source: Source) -> dict[ast.AST, list[ast.Expr]]:
    """The statements that assert a shape, by the function that they stand in."""
    found: dict[ast.AST, list[ast.Expr]] = {}
    for statement in source.module.nodes(ast.Expr):
        call = statement.value
        if isinstance(call, ast.Call) and source.module.resolve(call.func) in ASSERTIONS:
            function = source.module.enclosing_function(statement)
            if function is not None:
                found.setdefault(function.node, []).append(statement)
    return found


def _shapes(source: Source) -> Iterator[ast.Tuple]:
    """Yields the shape of every ``chex.assert_shape`` that is spelled out."""
    for call in source.module.nodes(ast.Call):
        if source.module.resolve(call.func) == "chex.assert_shape" and len(call.args) == 2:
            shape = call.args[1]
            if isinstance(shape, ast.Tuple) and not any(
                isinstance(each, ast.Starred) for each in shape.elts
            ):
                yield shape


HANDS_ON = "the function only hands its arrays on to layers, which look at their shapes"


@operator(12, "assertions-deleted")
def deleted(source: Source) -> Iterator[Change]:
    """Every shape assertion of a function goes."""
    for function, statements in _assertions(source).items():
        edits = tuple(source.put(statement, "pass") for statement in statements)
        yield Change(statements[0], edits, HANDS_ON if _hands_on(source, function) else "")


def _hands_on(source: Source, function: ast.AST) -> bool:
    """Whether a function calls nothing but its own layers and activations."""
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    names = [source.module.resolve(callee) or source.text(callee) for callee in calls]
    return all(name.startswith(("chex.", "jax.nn.", "self.")) for name in names)


@operator(12, "assertions-late")
def late(source: Source) -> Iterator[Change]:
    """Every shape assertion of a function moves down, in front of its last statement."""
    for function, statements in _assertions(source).items():
        assert isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        last = function.body[-1]
        if last.lineno - statements[-1].lineno < 3:
            continue
        texts = [source.text(statement) for statement in statements]
        moved = "".join(f"{text}\n{' ' * last.col_offset}" for text in texts)
        edits = [source.put(statement, "pass") for statement in statements]
        start = source.start(last)
        yield Change(statements[0], (*edits, Edit(start, start, moved)))


@operator(12, "assertion-emptied")
def emptied(source: Source) -> Iterator[Change]:
    """``chex.assert_shape(x, (batch, 3))`` becomes ``chex.assert_shape(x, (None, None))``."""
    for shape in _shapes(source):
        yield source.replaced(shape, f"({'None, ' * len(shape.elts)})")


@operator(12, "assertion-shortened")
def shortened(source: Source) -> Iterator[Change]:
    """``chex.assert_shape(x, (batch, 3))`` becomes ``chex.assert_shape(x, (batch,))``."""
    for shape in _shapes(source):
        if len(shape.elts) > 1:
            rest = "".join(f"{source.text(each)}, " for each in shape.elts[:-1])
            yield source.replaced(shape, f"({rest})")
