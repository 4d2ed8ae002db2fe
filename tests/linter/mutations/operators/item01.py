"""Item 1: annotations deleted, or left without their shape."""

import ast
from collections.abc import Iterator

from jaxcheck.source.scopes import Function

from ..mutants import Change, Edit, Source, operator
from .shapes import is_array_type, mentions_array


def _functions(source: Source) -> Iterator[Function]:
    return (f for f in source.module.functions if not isinstance(f.node, ast.Lambda))


@operator(1, "parameter-annotation-deleted")
def parameter(source: Source) -> Iterator[Change]:
    """``x: Float[Array, "batch"]`` becomes ``x``."""
    for function in _functions(source):
        for each in function.parameters:
            if mentions_array(source.module, each.annotation):
                yield source.replaced(each.node, each.name)


@operator(1, "return-annotation-deleted")
def returned(source: Source) -> Iterator[Change]:
    """``-> Float[Array, "batch"]`` goes."""
    for function in _functions(source):
        if function.returns is not None and mentions_array(source.module, function.returns):
            end = source.end(function.returns)
            arrow = source.bytes.rindex(b"->", 0, source.start(function.returns))
            yield Change(function.returns, (Edit(arrow, end, ""),))


@operator(1, "shape-deleted")
def bared(source: Source) -> Iterator[Change]:
    """``Float[Array, "batch"]`` becomes ``Array``, in signatures."""
    for function in _functions(source):
        annotations = [each.annotation for each in function.parameters] + [function.returns]
        for annotation in filter(None, annotations):
            for node in ast.walk(annotation):
                if is_array_type(source.module, node) and isinstance(node, ast.Subscript):
                    assert isinstance(node.slice, ast.Tuple)
                    yield source.replaced(node, source.text(node.slice.elts[0]))
