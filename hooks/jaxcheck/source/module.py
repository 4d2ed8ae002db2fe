"""A parsed source file, with the questions that rules ask of it."""

import ast
import builtins
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..catalogue import rules
from ..findings import Confidence, Finding, Fix, Place
from . import notebook
from .canonical import canonical
from .index import Index
from .scopes import Class, Function, FunctionNode, Scope

if TYPE_CHECKING:
    from ..project import Project

Node = TypeVar("Node", bound=ast.AST)
# A file that mentions none of these holds nothing for any rule to judge.
MARKERS = ("jax", "flax", "optax", "chex", "equinox", "haiku", "orbax", "grain", "PRNG")


class Module:
    """One source file.

    Attributes:
        path: Where it lies.
        relative: Its path from the project's root, with forward slashes; what findings say.
        name: Its dotted name, as other modules import it.
        source: Its text.
        tree: Its syntax tree.
        is_test: Whether it holds tests, to which most conventions do not apply.
        uses_jax: Whether it mentions the JAX family at all; where not, no rule looks at it.
        project: The project that it is linked into.
    """

    def __init__(self, path: Path, relative: str, name: str, source: str, tree: ast.Module) -> None:
        self.path = path
        self.relative = relative
        self.name = name
        self.source = source
        self.tree = tree
        self.is_test = _is_test(relative)
        self.uses_jax = any(marker in source for marker in MARKERS)
        self.project: Project | None = None
        self._resolved: dict[ast.AST, str | None] = {}

    @cached_property
    def index(self) -> Index:
        """Nodes, parents, scopes, functions and classes."""
        return Index(self.tree, self.name, self.path.name == "__init__.py")

    @cached_property
    def lines(self) -> list[str]:
        """The lines of the text, without their ends."""
        return self.source.split("\n")

    def nodes(self, kind: type[Node]) -> list[Node]:
        """Returns every node of exactly this type, in source order."""
        return self.index.nodes[kind]

    @property
    def functions(self) -> list[Function]:
        """Every function, method and lambda."""
        return list(self.index.functions.values())

    @property
    def classes(self) -> list[Class]:
        """Every class."""
        return list(self.index.classes.values())

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Returns the node around a node."""
        return self.index.parents.get(node)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yields the nodes around a node, from the inside out."""
        parents = self.index.parents
        while (up := parents.get(node)) is not None:
            yield up
            node = up

    def function(self, node: FunctionNode) -> Function:
        """Returns what the index knows of a function's node."""
        return self.index.functions[node]

    def enclosing_function(self, node: ast.AST) -> Function | None:
        """Returns the innermost function or lambda around a node (not the node itself)."""
        functions = self.index.functions
        return next((functions[up] for up in self.ancestors(node) if up in functions), None)

    def enclosing_class(self, node: ast.AST) -> Class | None:
        """Returns the innermost class around a node (not the node itself)."""
        classes = self.index.classes
        return next((classes[up] for up in self.ancestors(node) if up in classes), None)

    def text(self, node: ast.AST) -> str:
        """Returns the source text of a node, on one line."""
        first, last = node.lineno, node.end_lineno  # pyright: ignore[reportAttributeAccessIssue]
        start, end = node.col_offset, node.end_col_offset  # pyright: ignore[reportAttributeAccessIssue]
        if first == last:
            return _cut(self.lines[first - 1], start, end)
        lines = [_cut(self.lines[first - 1], start, None), *self.lines[first : last - 1]]
        return " ".join(" ".join([*lines, _cut(self.lines[last - 1], 0, end)]).split())

    def resolve(self, node: ast.AST | None) -> str | None:
        """Returns the canonical dotted name that an expression stands for.

        Import statements, aliases bound once (`rand = jax.random`), re-exports inside the project
        and shadowing are taken into account: a local variable named `jax` resolves to None. A
        name of the project itself gives `<module>.<qualname>`, a built-in `builtins.<name>`.
        """
        if node is None:
            return None
        kind = type(node)
        if kind is not ast.Name and kind is not ast.Attribute:
            return None
        try:
            return self._resolved[node]
        except KeyError:
            self._resolved[node] = None  # an alias that refers to itself ends here
            found = self._resolve(node)
            self._resolved[node] = found
            return found

    def _resolve(self, node: ast.AST) -> str | None:
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        scope = self.index.scopes.get(node)
        if scope is None:
            return None
        base = self.resolve_name(node.id, scope)
        if base is None:
            return None
        if attributes:
            base = f"{base}.{'.'.join(reversed(attributes))}"
        name = canonical(base)
        if self.project is not None:
            return self.project.follow(name)
        return name

    def resolve_name(self, name: str, scope: Scope) -> str | None:
        """Returns what a bare name stands for in a scope, as `resolve` does."""
        here: Scope | None = scope
        while here is not None:
            if name in here.bound and not (here.is_class and here is not scope):
                return self._binding(name, here)
            here = here.parent
        return f"builtins.{name}" if hasattr(builtins, name) else None

    def _binding(self, name: str, scope: Scope) -> str | None:
        imported = scope.imports.get(name)
        if imported is not None:
            if self.project is not None:
                imported = self.project.sibling(self, imported)
            return canonical(imported)
        defined = scope.functions.get(name) or scope.classes.get(name)
        if defined is not None and (scope.parent is None or scope.is_class):
            return f"{self.name}.{defined.qualname}" if self.name else defined.qualname
        if scope.bound[name] == 1 and name in scope.aliases:
            value = scope.aliases[name]
            if isinstance(value, ast.Name | ast.Attribute):
                target = self.resolve(value)
                if target is not None:
                    return target
        if scope.parent is None:
            return f"{self.name}.{name}" if self.name else name
        return None

    def literal(self, node: ast.AST | None, depth: int = 3) -> Any:
        """Returns the constant that an expression evaluates to, or None where it has none.

        Follows names bound once to a literal, in this module or in another one of the project.
        Tuples and lists become tuples; an element without a constant becomes None.
        """
        if node is None or depth < 0:
            return None
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            value = self.literal(node.operand, depth)
            return -value if isinstance(value, int | float) else None
        if isinstance(node, ast.Tuple | ast.List):
            return tuple(self.literal(element, depth) for element in node.elts)
        if isinstance(node, ast.Name):
            here: Scope | None = self.index.scopes.get(node)
            while here is not None and node.id not in here.bound:
                here = here.parent
            if here is None:
                return None
            if node.id in here.aliases and here.bound[node.id] == 1:
                return self.literal(here.aliases[node.id], depth - 1)
        if isinstance(node, ast.Name | ast.Attribute) and self.project is not None:
            name = self.resolve(node)
            found = self.project.constant(name) if name else None
            if found is not None and found[1] is not node:
                return found[0].literal(found[1], depth - 1)
        return None

    def place(self, node: ast.AST, message: str = "") -> Place:
        """Returns where a node is."""
        line, end = node.lineno, node.end_lineno  # pyright: ignore[reportAttributeAccessIssue]
        return Place(
            self.relative,
            line,
            self.column(line, node.col_offset),  # pyright: ignore[reportAttributeAccessIssue]
            end,
            self.column(end, node.end_col_offset),  # pyright: ignore[reportAttributeAccessIssue]
            message,
        )

    def spot(self, line: int) -> str:
        """Returns how people find a line: by its number, or by cell and line in a notebook."""
        if not notebook.is_notebook(self.path):
            return str(line)
        cell, line = notebook.place_in(self.lines, line)
        return f"cell {cell}:{line}"

    def spoken(self, node: ast.AST) -> str:
        """Returns the line of a node as messages say it."""
        *cell, line = self.spot(node.lineno).split(":")  # pyright: ignore[reportAttributeAccessIssue]
        return f"line {line} of {cell[0]}" if cell else f"line {line}"

    def column(self, line: int, offset: int) -> int:
        """Returns the column, from 1 and in characters, of an offset in bytes into a line."""
        text = self.lines[line - 1]
        return 1 + (offset if text.isascii() else len(text.encode()[:offset].decode()))

    def finding(
        self,
        code: str,
        node: ast.AST,
        message: str,
        *,
        confidence: Confidence | None = None,
        related: tuple[Place, ...] = (),
        fix: Fix | None = None,
    ) -> Finding:
        """Makes a finding of a rule at a node.

        Args:
            code: The rule's code.
            node: Where; any node with a position.
            message: What is wrong, why it matters and what to do, in one or two sentences.
            confidence: One of the rule's; its first one if None.
            related: Other places that belong to it, each with a message.
            fix: Edits that mend it.
        """
        described = rules()[code]
        around = self.enclosing_function(node)
        if node in self.index.functions:
            around = self.index.functions[node]
        return Finding(
            code,
            described.name,
            self.place(node),
            message,
            confidence or described.confidences[0],
            described.severity,
            related,
            fix,
            function=around.qualname if around else "",
        )


def _cut(line: str, start: int, end: int | None) -> str:
    """Returns a part of a line; the syntax tree counts bytes."""
    return line[start:end] if line.isascii() else line.encode()[start:end].decode()


def _is_test(relative: str) -> bool:
    *folders, name = relative.split("/")
    return (
        name.startswith("test_")
        or name.endswith("_test.py")
        or name == "conftest.py"
        or any(folder in ("tests", "test", "testing") for folder in folders)
    )
