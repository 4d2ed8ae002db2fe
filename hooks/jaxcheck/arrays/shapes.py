"""Where a project writes shape strings, and what edits can do to them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..findings import Edit, Place
from ..project import Project
from ..source.module import Module
from ..source.scopes import Function
from .annotations import array_types, dtype_class, unquoted
from .dimensions import Shape, parse_shape


@dataclass(frozen=True, slots=True)
class Written:
    """One shape string as it is written.

    Attributes:
        node: The string; for a name that stands for one, the name; in quotes, the quotes.
        spec: The string's value.
        function: The function in whose signature or body it stands.
        literal: Whether the text of the string is in the source word by word.
    """

    module: Module
    node: ast.expr
    spec: str
    function: Function | None
    literal: bool

    @property
    def shape(self) -> Shape:
        """The parsed string."""
        return parse_shape(self.spec)

    def place(self, offset: int, length: int, message: str = "") -> Place:
        """Returns where a part of the string is; the whole string where that cannot be told."""
        whole = self.module.place(self.node, message)
        if not self.literal:
            return whole
        start = whole.column + 1 + offset
        return replace(whole, column=start, end_column=start + length)

    def edit(self, offset: int, length: int, replacement: str) -> Edit | None:
        """Returns the edit that replaces a part of the string."""
        if not self.literal:
            return None
        at = self.place(offset, length)
        return Edit(at.line, at.column, at.end_line, at.end_column, replacement)


def written_shapes(module: Module, project: Project) -> list[Written]:
    """Returns every shape string of a module, in source order."""
    key = ("written shapes", id(module))
    found: list[Written] | None = project.facts.get(key)
    if found is None:
        found = project.facts[key] = [*_written(module)] if "jaxtyping" in module.source else []
    return found


def _written(module: Module) -> Iterator[Written]:
    for node in module.nodes(ast.Subscript):
        yield from _of(module, node, None)
    for quoted in _quoted(module):
        inner = unquoted(module, quoted)
        if inner is not None:
            for node in ast.walk(inner):
                if isinstance(node, ast.Subscript):
                    yield from _of(module, node, quoted)


def _quoted(module: Module) -> Iterator[ast.Constant]:
    """The annotations that are strings."""
    for function in module.functions:
        for annotation in (*(p.annotation for p in function.parameters), function.returns):
            if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
                yield annotation
    for statement in module.nodes(ast.AnnAssign):
        annotation = statement.annotation
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            yield annotation


def _of(module: Module, node: ast.Subscript, quoted: ast.Constant | None) -> Iterator[Written]:
    if not isinstance(node.slice, ast.Tuple) or len(node.slice.elts) != 2:
        return
    if dtype_class(module, node.value) is None:
        return
    text = node.slice.elts[1]
    spec = module.literal(text)
    if isinstance(spec, str):
        literal = quoted is None and _is_plain(module, text, spec)
        yield Written(module, text, spec, _function(module, quoted or node), literal)


def _is_plain(module: Module, node: ast.expr, spec: str) -> bool:
    if not isinstance(node, ast.Constant) or node.lineno != node.end_lineno:
        return False
    return module.text(node) in (f'"{spec}"', f"'{spec}'")


def _function(module: Module, node: ast.AST) -> Function | None:
    """The function in whose signature or body a node stands."""
    return module.enclosing_function(node)


def signature_names(module: Module, function: Function) -> set[str]:
    """Returns every dimension name in a function's signature, those behind aliases included."""
    annotations = [*(p.annotation for p in function.parameters), function.returns]
    return {
        name
        for annotation in annotations
        for found in array_types(module, annotation)
        for dimension in (found.shape.dimensions if found.shape else ())
        for name, _ in dimension.names
    }


def project_names(project: Project) -> set[str]:
    """Returns every dimension name that the project's shape strings mention."""
    found: set[str] | None = project.facts.get("dimension names")
    if found is None:
        found = project.facts["dimension names"] = {
            name
            for module in list(project.modules.values())
            if module.uses_jax
            for written in written_shapes(module, project)
            for dimension in written.shape.dimensions
            for name, _ in dimension.names
        }
    return found
