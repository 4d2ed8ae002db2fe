"""What a value has to do with gradients: the marks that the gradient flow gives to values."""

import ast
from dataclasses import dataclass, field, replace
from typing import Any

from ..source.module import Module

NORMS = {
    "grad": "norm",
    "clipped": "clipped norm",
    "update": "update norm",
    "params": "params norm",
}


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that a value is, or was made from.

    Attributes:
        kind: "grad", "clipped" (gradients after clipping), "update" (what an optimizer made of
            gradients), "params", "loss", or a norm of one of them (see `NORMS`).
        origin: Where the gradient was taken, as a node of the training step.
    """

    kind: str
    origin: ast.AST | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of a value.

    Attributes:
        marks: Its marks, those of its parts included.
        parts: Its elements, if it is a tuple whose elements are told apart.
        does: What it does when it is called: a `GradientOf`, "clip", or None.
    """

    marks: frozenset[Mark] = frozenset()
    parts: tuple["Value", ...] | None = None
    does: Any = None

    def has(self, *kinds: str) -> bool:
        """Whether it has a mark of one of these kinds."""
        return any(mark.kind in kinds for mark in self.marks)

    @property
    def flat(self) -> "Value":
        """The same marks without parts."""
        return Value(self.marks) if self.parts is not None or self.does is not None else self

    def part(self, index: object) -> "Value":
        """An element of it: the part where parts are told apart, else anything it is made of."""
        if self.parts is None or not isinstance(index, int):
            return self.flat
        inside = -len(self.parts) <= index < len(self.parts)
        return self.parts[index] if inside else self.flat

    def with_kinds(self, kinds: dict[str, str]) -> "Value":
        """The same with marks of other kinds; marks that are not listed are dropped."""
        return Value(
            frozenset(replace(m, kind=kinds[m.kind]) for m in self.marks if m.kind in kinds)
        )


@dataclass(frozen=True, slots=True)
class GradientOf:
    """A function that takes gradients.

    Attributes:
        with_value: Whether it returns the loss too.
        has_aux: Whether the loss comes with further results; None if that cannot be known.
    """

    with_value: bool
    has_aux: bool | None

    def result(self, origin: ast.AST) -> Value:
        """What calling it returns."""
        grads = Value(frozenset({Mark("grad", origin)}))
        loss = Value(frozenset({Mark("loss", origin)}))
        if self.has_aux is None:
            return both(grads, loss)
        if self.with_value:
            return several(several(loss, loss) if self.has_aux else loss, grads)
        return several(grads, loss) if self.has_aux else grads


NOTHING = Value()


def several(*parts: Value) -> Value:
    """A tuple of values."""
    return Value(frozenset().union(*(part.marks for part in parts)), parts)


def both(*values: Value) -> Value:
    """What may be any of some values, or is made from all of them."""
    given = [value for value in values if value is not NOTHING]
    if not given:
        return NOTHING
    first = given[0]
    if len(given) == 1:
        return first
    lengths = {len(value.parts) if value.parts is not None else -1 for value in given}
    if len(lengths) == 1 and first.parts is not None:
        zipped = zip(*(value.parts or () for value in given), strict=True)
        return several(*(both(*column) for column in zipped))
    does = next((value.does for value in given if value.does is not None), None)
    return Value(frozenset().union(*(value.marks for value in given)), None, does)


@dataclass(eq=False, slots=True)
class Norm:
    """A norm that a step takes.

    Attributes:
        module: Where it stands.
        node: The call that computes it.
        site: The same, or the call of the step itself that leads there.
        marks: The marks of what it is the norm of.
    """

    module: Module
    node: ast.AST
    site: ast.AST
    marks: frozenset[Mark]


@dataclass(eq=False, slots=True)
class Flow:
    """What happens to the gradients of a step.

    Attributes:
        updates: Where gradients go into an optimizer, and the marks of these gradients.
        norms: The norms that are taken of gradients, updates and parameters.
        misnamed: Norms of something else that are called gradient norms: where, and their marks.
        compared: Whether a gradient norm is compared, or scales the gradients.
        finite: Whether loss, gradients or their norm are checked for NaN and infinity.
        escaped: The gradients that go to code that cannot be seen, or are returned.
    """

    updates: list[tuple[ast.AST, frozenset[Mark]]] = field(default_factory=list)
    norms: list[Norm] = field(default_factory=list)
    misnamed: list[tuple[ast.AST, frozenset[Mark]]] = field(default_factory=list)
    compared: bool = False
    finite: bool = False
    escaped: set[ast.AST | None] = field(default_factory=set)
