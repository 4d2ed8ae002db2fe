"""Item 5: keys used twice."""

import ast
from collections.abc import Iterator

from jaxcheck.source.module import Module
from jaxcheck.source.scopes import Function

from ..mutants import Change, Source, operator

ONLY_USE = "the sibling is used nowhere else, so the two have merely changed places"
DEAD = "the key is not read again after the split"


def _splits(module: Module) -> Iterator[tuple[Function, ast.Assign, list[ast.Name], ast.expr]]:
    """Yields ``a, b = jax.random.split(key)``: function, statement, names and key."""
    for statement in module.nodes(ast.Assign):
        target, value = statement.targets[0], statement.value
        around = module.enclosing_function(statement)
        if (
            around
            and isinstance(target, ast.Tuple)
            and isinstance(value, ast.Call)
            and module.resolve(value.func) == "jax.random.split"
        ):
            names = [each for each in target.elts if isinstance(each, ast.Name)]
            if len(names) == len(target.elts):
                yield around, statement, names, value.args[0]


def _reads(function: Function, name: str, after: ast.AST) -> list[ast.Name]:
    """The places below a statement that read a name, up to where it is bound again."""
    reads, bound = [], None
    for node in ast.walk(function.node):
        if isinstance(node, ast.Name) and node.id == name and node.lineno > after.end_lineno:  # pyright: ignore[reportAttributeAccessIssue]
            if isinstance(node.ctx, ast.Load):
                reads.append(node)
            else:
                bound = min(node.lineno, bound or node.lineno)
    reads.sort(key=lambda node: (node.lineno, node.col_offset))
    return [node for node in reads if bound is None or node.lineno <= bound]


def _in_loop(module: Module, node: ast.AST, function: Function) -> bool:
    for up in module.ancestors(node):
        if up is function.node:
            return False
        if isinstance(up, ast.For | ast.While):
            return True
    return False


@operator(5, "subkeys-swapped")
def swapped(source: Source) -> Iterator[Change]:
    """One use of a subkey takes its sibling instead, which is used itself."""
    for function, statement, names, _ in _splits(source.module):
        for at, name in enumerate(names):
            sibling = names[(at + 1) % len(names)].id
            others = _reads(function, sibling, statement)
            for use in _reads(function, name.id, statement)[:1]:
                yield source.replaced(use, sibling, "" if others else ONLY_USE)


@operator(5, "parent-instead-of-subkey")
def parent(source: Source) -> Iterator[Change]:
    """A use of a subkey takes the key that was split."""
    for function, statement, names, key in _splits(source.module):
        if not isinstance(key, ast.Name) or key.id in {name.id for name in names}:
            continue
        for name in names:
            for use in _reads(function, name.id, statement)[:1]:
                yield source.replaced(use, key.id)


@operator(5, "rebind-dropped")
def rebind(source: Source) -> Iterator[Change]:
    """``key, sub = split(key)`` becomes ``_, sub = split(key)``."""
    for function, statement, names, key in _splits(source.module):
        for name in names:
            if isinstance(key, ast.Name) and name.id == key.id:
                alive = _reads(function, key.id, statement)
                alive = alive or _in_loop(source.module, statement, function)
                yield source.replaced(name, "_", "" if alive else DEAD)


@operator(5, "attribute-rebind-dropped")
def attribute(source: Source) -> Iterator[Change]:
    """``self.key, sub = split(self.key)`` becomes ``_, sub = split(self.key)``."""
    for statement in source.module.nodes(ast.Assign):
        target, value = statement.targets[0], statement.value
        if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Call):
            continue
        if source.module.resolve(value.func) == "jax.random.split" and value.args:
            for each in target.elts:
                path = isinstance(each, ast.Attribute | ast.Subscript)
                if path and source.text(each) == source.text(value.args[0]):
                    yield source.replaced(each, "_")


@operator(5, "fold-in-dropped")
def fold_in(source: Source) -> Iterator[Change]:
    """``fold_in(key, i)`` becomes ``key`` where the key serves more than one iteration or use."""
    for call in source.module.nodes(ast.Call):
        if source.module.resolve(call.func) != "jax.random.fold_in" or not call.args:
            continue
        inside = source.module.enclosing_function(call)
        if inside is None or not isinstance(call.args[0], ast.Name):
            continue
        key = call.args[0].id
        repeated = any(
            isinstance(up, ast.For | ast.While | ast.ListComp | ast.DictComp)
            for up in source.module.ancestors(call)
        )
        captured = key not in inside.scope.bound
        if repeated or captured:
            yield source.replaced(call, key)


@operator(5, "element-fixed")
def element(source: Source) -> Iterator[Change]:
    """``keys[i]`` becomes ``keys[0]`` in a loop over ``i``, and ``keys[1]`` beside ``keys[0]``."""
    for node in source.module.nodes(ast.Subscript):
        inside = source.module.enclosing_function(node)
        if inside is None or not isinstance(node.value, ast.Name):
            continue
        value = inside.scope.aliases.get(node.value.id)
        if not isinstance(value, ast.Call) or not isinstance(node.slice, ast.Name | ast.Constant):
            continue
        split = source.module.resolve(value.func) == "jax.random.split"
        if split and source.text(node.slice) != "0":
            yield source.replaced(node.slice, "0")
