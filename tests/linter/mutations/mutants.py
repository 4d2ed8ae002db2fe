"""Mutants: a clean module with one convention broken by a small edit."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from jaxcheck.source.module import Module


@dataclass(frozen=True)
class Edit:
    """Replaces the bytes from `start` to `end` of a file."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Change:
    """What an operator does at one site.

    Attributes:
        node: Where it is reported.
        edits: What it replaces; none of them overlap.
        equivalent: Why the changed code keeps the convention all the same, where it does: such a
            mutant must not be counted. Each operator states its reasons where it yields them.
    """

    node: ast.AST
    edits: tuple[Edit, ...]
    equivalent: str = ""


Sites = Callable[["Source"], Iterator[Change]]


@dataclass(frozen=True)
class Operator:
    """One way to break a convention.

    Attributes:
        item: The item of the checklist that it breaks.
        name: What it does, in kebab case.
        sites: Yields its changes in one module.
    """

    item: int
    name: str
    sites: Sites


OPERATORS: list[Operator] = []


def operator(item: int, name: str) -> Callable[[Sites], Sites]:
    """Registers the decorated function as an operator."""

    def register(sites: Sites) -> Sites:
        OPERATORS.append(Operator(item, name, sites))
        return sites

    return register


class Source:
    """A module with its bytes, in which edits are located by syntax nodes."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.bytes = module.source.encode()

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for line in self.bytes.split(b"\n"):
            starts.append(starts[-1] + len(line) + 1)
        return starts

    def start(self, node: ast.AST) -> int:
        """The offset of a node's first byte."""
        return self._starts[node.lineno - 1] + node.col_offset  # pyright: ignore[reportAttributeAccessIssue]

    def end(self, node: ast.AST) -> int:
        """The offset behind a node's last byte."""
        return self._starts[node.end_lineno - 1] + node.end_col_offset  # pyright: ignore[reportAttributeAccessIssue]

    def text(self, node: ast.AST) -> str:
        """The text of a node as it stands, line ends included."""
        return self.bytes[self.start(node) : self.end(node)].decode()

    def put(self, node: ast.AST, text: str) -> Edit:
        """An edit that replaces a node."""
        return Edit(self.start(node), self.end(node), text)

    def replaced(self, node: ast.AST, text: str, equivalent: str = "") -> Change:
        """A change that replaces one node."""
        return Change(node, (self.put(node, text),), equivalent)

    def apply(self, change: Change) -> str:
        """The text of the module after a change."""
        result = self.bytes
        for edit in sorted(change.edits, key=lambda each: each.start, reverse=True):
            result = result[: edit.start] + edit.text.encode() + result[edit.end :]
        return result.decode()
