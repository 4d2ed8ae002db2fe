"""Item 6: static arguments forgotten, misspelt or given by number."""

import ast
from collections.abc import Iterator

from jaxcheck.source.module import Module
from jaxcheck.transforms.tracing import jit_sites

from ..mutants import Change, Source, operator


def _declarations(module: Module) -> Iterator[ast.expr]:
    """Yields the value of every ``static_argnames``."""
    for call in module.nodes(ast.Call):
        for keyword in call.keywords:
            if keyword.arg == "static_argnames":
                yield keyword.value


def _names(node: ast.expr) -> list[ast.Constant]:
    elements = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
    return [each for each in elements if isinstance(each, ast.Constant)]


@operator(6, "static-name-dropped")
def dropped(source: Source) -> Iterator[Change]:
    """``static_argnames=("axis", "size")`` becomes ``static_argnames=("size",)``."""
    for value in _declarations(source.module):
        names = _names(value)
        for name in names:
            rest = "".join(f'"{each.value}", ' for each in names if each is not name)
            yield source.replaced(value, f"({rest})")


@operator(6, "static-name-misspelt")
def misspelt(source: Source) -> Iterator[Change]:
    """``static_argnames=("axis",)`` becomes ``static_argnames=("axi",)``."""
    for value in _declarations(source.module):
        for name in _names(value):
            yield source.replaced(name, f'"{str(name.value)[:-1]}"')


@operator(6, "static-by-number")
def by_number(source: Source) -> Iterator[Change]:
    """``static_argnames=("axis",)`` becomes ``static_argnums=(1,)``."""
    for site in jit_sites(source.module):
        value = site.keywords.get("static_argnames")
        if value is None or site.target is None:
            continue
        positions = [p.name for p in site.target.function.parameters if p.kind == "positional"]
        names = [name.value for name in _names(value)]
        if names and all(name in positions for name in names):
            numbers = "".join(f"{positions.index(str(name))}, " for name in names)
            keyword = source.module.parent(value)
            assert isinstance(keyword, ast.keyword)
            yield source.replaced(keyword, f"static_argnums=({numbers})")
