"""Abstract values, and the tokens that give keys and buffers an identity."""

import ast
from dataclasses import dataclass, field

from ..source.module import Module
from ..source.scopes import Class
from ..tracing import Target

# The bit of everything that a function makes itself; inputs have the bits above it.
MADE = 1


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

    @property
    def is_key(self) -> bool:
        """Whether it, or what it was taken from, is known to be a key."""
        here: Token | None = self
        while here is not None:
            if here.evidence:
                return True
            here = here.parent if here.origin in ("element", "fold") else None
        return False

    def within(self, other: "Token", fields: bool = False) -> bool:
        """Whether it is `other`, or an element of it; with `fields`, or a field of it."""
        here: Token | None = self
        while here is not None:
            if here is other:
                return True
            if here.origin != "element" and not (fields and here.origin == "field"):
                return False
            here = here.parent
        return False


Guard = tuple[object, object, bool]


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A place where a key is consumed or a buffer is donated.

    Attributes:
        strong: Whether it certainly consumes: a function of `jax.random`, or one of the project
            that ends in one.
        what: What consumes it, for messages.
        at: The number of the evaluation: the same call in another iteration has another one.
        direct: Whether it is a function of `jax.random` itself.
        held: Whether the key came along in a container, so that it may not be meant.
        guards: The conditions under which it is reached.
    """

    node: ast.AST
    strong: bool
    what: str
    guards: tuple[Guard, ...] = ()
    at: int = 0
    direct: bool = False
    held: bool = False

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


@dataclass(eq=False, slots=True)
class Callable:
    """A function value: which one, what it was wrapped in, and what is bound already.

    Attributes:
        target: The function of the project, if it is one.
        library: The canonical name, for a function of a library.
        bound: Arguments that `partial` bound by position.
        keywords: Arguments that `partial` bound by name.
        transforms: Names of the transformations around it, innermost first.
        donated: Positions and names of the donated parameters.
        in_axes: The `in_axes` of the innermost `vmap`, where it is a literal.
        has_aux: Whether it is a `value_and_grad` whose function returns more than the loss.
        compiled: Whether calling it runs a compiled program.
    """

    target: Target | None = None
    library: str | None = None
    bound: tuple["Value", ...] = ()
    keywords: dict[str, "Value"] = field(default_factory=dict)
    transforms: tuple[str, ...] = ()
    donated: tuple[int | str, ...] = ()
    in_axes: tuple[bool, ...] | None = None
    has_aux: bool = False
    compiled: bool = False


@dataclass(eq=False, slots=True)
class Value:
    """What the interpreter knows about a value.

    Attributes:
        token: Its identity; None for what cannot be a key or a buffer.
        taint: The inputs (bits) that it is computed from as an array: a tracer when one of
            these is.
        raw: The inputs that it is, or is a part of: an array or a container, nobody knows.
        items: The elements of a tuple or list, or the entries of a dict with string keys.
        function: What calling it does.
        cls: The class of the project that it is an instance of.
        boolean: Whether it is an array of booleans.
        stamp: For the result of a compiled step, the loop iteration that it was made in.
        sequence: Whether it is a Python sequence.
    """

    token: Token | None = None
    taint: int = 0
    raw: int = 0
    items: "tuple[Value, ...] | dict[str, Value] | None" = None
    function: Callable | None = None
    cls: tuple[Module, Class] | None = None
    boolean: bool = False
    stamp: int = 0
    sequence: bool = False

    def parts(self) -> "list[Value]":
        """Returns its elements, where they are known."""
        if self.items is None:
            return []
        return list(self.items.values()) if isinstance(self.items, dict) else list(self.items)

    def mask(self) -> int:
        """Returns every input that it, or a part of it, depends on."""
        mask = self.taint | self.raw
        for part in self.parts():
            mask |= part.mask()
        return mask


CLEAN = Value()


def joined(a: Value, b: Value, tokens: dict[tuple[Token | None, Token | None], Token]) -> Value:
    """Returns the value of a variable after two branches left it as `a` and as `b`.

    Args:
        a: The value after one branch.
        b: The value after the other one.
        tokens: The joins made so far, so that aliases stay aliases.
    """
    if a is b:
        return a
    if a.token is b.token:
        token = a.token
    else:
        pair = (a.token, b.token)
        token = tokens.get(pair)
        if token is None:
            evidence = any(t is not None and t.is_key for t in pair)
            sources = {id(t): t for t in pair if t is not None}
            token = tokens[pair] = Token("joined", evidence=evidence, children=sources)
    items = None
    if isinstance(a.items, tuple) and isinstance(b.items, tuple) and len(a.items) == len(b.items):
        items = tuple(joined(x, y, tokens) for x, y in zip(a.items, b.items, strict=True))
    elif (
        isinstance(a.items, dict) and isinstance(b.items, dict) and a.items.keys() == b.items.keys()
    ):
        items = {name: joined(a.items[name], b.items[name], tokens) for name in a.items}
    return Value(
        token,
        a.taint | b.taint,
        a.raw | b.raw,
        items,
        a.function if a.function is b.function else None,
        a.cls if a.cls == b.cls else None,
        a.boolean and b.boolean,
        max(a.stamp, b.stamp),
        a.sequence and b.sequence,
    )
