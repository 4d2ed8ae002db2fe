"""Item 7: Python's control flow instead of JAX's."""

import ast
from collections.abc import Iterator

from ..mutants import Change, Source, operator

BUILTIN = {
    "jax.numpy.maximum": "max",
    "jax.numpy.minimum": "min",
    "jax.numpy.any": "any",
    "jax.numpy.all": "all",
}
CONNECTIVES = {"jax.numpy.logical_and": "and", "jax.numpy.logical_or": "or"}


def _calls(source: Source, *names: str) -> Iterator[tuple[ast.Call, str]]:
    for call in source.module.nodes(ast.Call):
        name = source.module.resolve(call.func)
        if name in names and not any(isinstance(each, ast.Starred) for each in call.args):
            yield call, name


@operator(7, "where-to-conditional")
def conditional(source: Source) -> Iterator[Change]:
    """``jnp.where(c, a, b)`` becomes ``(a if c else b)``."""
    for call, _ in _calls(source, "jax.numpy.where"):
        if len(call.args) == 3:
            test, then, otherwise = (source.text(each) for each in call.args)
            yield source.replaced(call, f"(({then}) if ({test}) else ({otherwise}))")


@operator(7, "where-to-if")
def branch(source: Source) -> Iterator[Change]:
    """``x = jnp.where(c, a, b)`` becomes an ``if`` statement with two assignments."""
    for call, _ in _calls(source, "jax.numpy.where"):
        statement = source.module.parent(call)
        if len(call.args) != 3 or not isinstance(statement, ast.Assign | ast.Return):
            continue
        head = source.bytes[source.start(statement) : source.start(call)].decode()
        test, then, otherwise = (source.text(each) for each in call.args)
        pad = " " * statement.col_offset
        text = f"if {test}:\n{pad}    {head}{then}\n{pad}else:\n{pad}    {head}{otherwise}"
        yield source.replaced(statement, text)


@operator(7, "cond-to-conditional")
def cond(source: Source) -> Iterator[Change]:
    """``jax.lax.cond(p, f, g, x)`` becomes ``(f(x) if p else g(x))``."""
    for call, _ in _calls(source, "jax.lax.cond"):
        if len(call.args) >= 3:
            test, then, otherwise, *operands = (source.text(each) for each in call.args)
            given = ", ".join(operands)
            yield source.replaced(
                call, f"(({then})({given}) if {test} else ({otherwise})({given}))"
            )


@operator(7, "while-loop-to-while")
def while_loop(source: Source) -> Iterator[Change]:
    """``x = jax.lax.while_loop(c, f, x0)`` becomes a ``while`` statement."""
    for call, _ in _calls(source, "jax.lax.while_loop"):
        statement = source.module.parent(call)
        if isinstance(statement, ast.Assign) and len(call.args) == 3:
            target = source.text(statement.targets[0])
            test, body, start = (source.text(each) for each in call.args)
            pad = " " * statement.col_offset
            text = (
                f"carry = {start}\n{pad}while {test}(carry):\n{pad}    carry = {body}(carry)\n"
                f"{pad}{target} = carry"
            )
            yield source.replaced(statement, text)


@operator(7, "connective-to-python")
def connective(source: Source) -> Iterator[Change]:
    """``a & b`` of arrays becomes ``a and b``; ``jnp.logical_and(a, b)`` likewise."""
    for call, name in _calls(source, *CONNECTIVES):
        left, right = (source.text(each) for each in call.args)
        yield source.replaced(call, f"(({left}) {CONNECTIVES[name]} ({right}))")
    imported = (each.names[0].name for each in source.module.nodes(ast.Import))
    if not any(name.partition(".")[0] == "jax" for name in imported):
        return  # arrays of the host alone, which nothing traces
    for node in source.module.nodes(ast.BinOp):
        word = {ast.BitAnd: "and", ast.BitOr: "or"}.get(type(node.op))
        if word and any(_is_mask(source, each) for each in (node.left, node.right)):
            left, right = source.text(node.left), source.text(node.right)
            yield source.replaced(node, f"(({left}) {word} ({right}))")


def _is_mask(source: Source, node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        return True
    if isinstance(node, ast.Call):
        return (source.module.resolve(node.func) or "").startswith("jax.numpy.")
    return isinstance(node, ast.Compare)


@operator(7, "reduction-to-builtin")
def builtin(source: Source) -> Iterator[Change]:
    """``jnp.maximum(a, b)`` becomes ``max(a, b)``, ``jnp.all(x)`` becomes ``all(x)``."""
    for call, name in _calls(source, *BUILTIN):
        if not call.keywords:
            yield source.replaced(call.func, BUILTIN[name])
