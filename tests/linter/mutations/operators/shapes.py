"""What operators ask about jaxtyping annotations."""

import ast
from collections.abc import Iterator

from jaxcheck.source.module import Module

from ..mutants import Source


def is_array_type(module: Module, node: ast.AST) -> bool:
    """Whether a node is a jaxtyping array type with a shape, such as ``Float[Array, "batch"]``."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Tuple):
        return False
    name = module.resolve(node.value) or ""
    return name.startswith("jaxtyping.") and not name.endswith("PyTree")


def mentions_array(module: Module, annotation: ast.expr | None) -> bool:
    """Whether an annotation contains such a type, or a name of the project that stands for one."""
    if annotation is None:
        return False
    assert module.project is not None
    for node in ast.walk(annotation):
        if is_array_type(module, node):
            return True
        if isinstance(node, ast.Name):
            found = module.project.constant(module.resolve(node))
            if found and is_array_type(*found):
                return True
    return False


def shapes(source: Source) -> Iterator[tuple[ast.Constant, list[str]]]:
    """Yields the shape of every array type in a module, and its words."""
    for node in source.module.nodes(ast.Subscript):
        if is_array_type(source.module, node) and isinstance(node.slice, ast.Tuple):
            shape = node.slice.elts[-1]
            if isinstance(shape, ast.Constant) and isinstance(shape.value, str):
                yield shape, shape.value.split()
