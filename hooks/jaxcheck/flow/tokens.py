"""Tokens, which give keys and buffers an identity, and the places that use them up."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field


class Each:
    """The label of the element that a loop takes from an array: another one in each iteration."""


@dataclass(eq=False, slots=True)
class Token:
    """The identity of a value that must not be used twice.

    Attributes:
        origin: "input", "born" (certainly a key), "element" (of an array or sequence), "field" (an
            attribute or a dict's entry), "fold", "joined", "global", "plain" (never a key) or
            "other".
        parent: The array that an element was taken from, the key that data was folded into.
        label: Which element, or which data.
        evidence: Whether something showed that it is a key: it is born as one, annotated as one,
            or handed to `jax.random`.
        input: For an input, and for elements of one: the number of the input and the path in it.
        children: Its elements and the keys folded from it, by label; for a join, its sources.
    """

    origin: str
    parent: "Token | None" = None
    label: object = None
    evidence: bool = False
    input: tuple[int, tuple[object, ...]] | None = None
    children: dict[object, "Token"] = field(default_factory=dict)

    def child(self, origin: str, label: object) -> "Token":
        """Returns the element or folded key of that label; the same one for the same label."""
        key = (origin, label)
        found = self.children.get(key)
        if found is None:
            path = None
            if self.input is not None and origin in ("element", "field"):
                path = (self.input[0], (*self.input[1], label))
            evidence = self.evidence or origin == "fold"
            found = self.children[key] = Token(origin, self, label, evidence, path)
        return found

    def part(self, label: object) -> "Token":
        """Returns the part of that label: a field for a name, an element for the rest."""
        return self.child("field" if isinstance(label, str) else "element", label)

    def elements(self) -> "Iterator[Token]":
        """Yields its elements, and theirs."""
        for child in self.children.values():
            if child.origin == "element" and child.parent is self:
                yield child
                yield from child.elements()

    @property
    def is_key(self) -> bool:
        """Whether it, or what it was taken from, is known to be a key."""
        here: Token | None = self
        while here is not None:
            if here.evidence:
                return True
            here = here.parent if here.origin in ("element", "fold") else None
        return False

    @property
    def is_input(self) -> bool:
        """Whether it is an input as it came in, not a part of one."""
        return self.input is not None and not self.input[1]

    def within(self, other: "Token") -> bool:
        """Whether it is `other`, or an element or a field of it."""
        here: Token | None = self
        while here is not None:
            if here is other:
                return True
            if here.origin not in ("element", "field"):
                return False
            here = here.parent
        return False


# A condition: what is asked (a kind and the number of a value), which answer, and whether it is so.
Guard = tuple[object, object, bool]


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A place where a key is consumed or a buffer is donated.

    Attributes:
        strong: Whether it certainly consumes: a function of `jax.random`, or one of the project
            that ends in one.
        what: What consumes it, for messages.
        guards: The conditions under which it is reached.
        at: The number of the evaluation: the same call in another iteration has another one.
        direct: Whether it is a function of `jax.random` itself.
        held: If the key came along in a variable that holds several values: their tokens. Unless
            all of them are keys, nobody knows that the key is meant.
    """

    node: ast.AST
    strong: bool
    what: str
    guards: tuple[Guard, ...] = ()
    at: int = 0
    direct: bool = False
    held: "tuple[Token | None, ...]" = ()

    def excludes(self, guards: tuple[Guard, ...]) -> bool:
        """Whether no run passes both here and a place under these guards."""
        for key, value, polarity in self.guards:
            for other_key, other_value, other_polarity in guards:
                if key == other_key:
                    same = value == other_value
                    if same and polarity != other_polarity:
                        return True
                    if not same and polarity and other_polarity:
                        return True
        return False
