"""Abstract values: what the interpreter knows about a value, and what two ways make of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ..source.module import Module
from ..source.scopes import Class
from ..transforms.tracing import Target
from .tokens import Token

# The bit of everything that a function makes itself; inputs have the bits above it.
MADE = 1


@dataclass(eq=False, slots=True)
class Callee:
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
    function: Callee | None = None
    cls: tuple[Module, Class] | None = None
    boolean: bool = False
    stamp: int = 0
    sequence: bool = False

    def parts(self) -> "Sequence[Value]":
        """Returns its elements, where they are known."""
        if self.items is None:
            return ()
        return tuple(self.items.values()) if isinstance(self.items, dict) else self.items

    def part(self, label: object) -> "Value | None":
        """Returns the element of that index or the entry of that name, where it is known."""
        if isinstance(self.items, tuple) and isinstance(label, int):
            return self.items[label] if -len(self.items) <= label < len(self.items) else None
        if isinstance(self.items, dict) and isinstance(label, str):
            return self.items.get(label)
        return None

    def changed_parts(
        self, change: "Callable[[Value], Value]"
    ) -> "tuple[Value, ...] | dict[str, Value] | None":
        """Returns its items after a change of each."""
        if self.items is None:
            return None
        if isinstance(self.items, tuple):
            return tuple(change(part) for part in self.items)
        return {name: change(part) for name, part in self.items.items()}

    def mask(self) -> int:
        """Returns every input that it, or a part of it, depends on."""
        mask = self.taint | self.raw
        if self.items is not None:
            for part in self.parts():
                mask |= part.mask()
        return mask


CLEAN = Value()


def unknown(taint: int = 0, raw: int = 0, *, boolean: bool = False) -> Value:
    """Returns a value with an identity of its own, of which nothing but its inputs is known."""
    return Value(Token("other"), taint, raw, boolean=boolean)


def plain() -> Value:
    """Returns a number or a text of Python: no key, and in no buffer."""
    return Value(Token("plain"))


def sequence(raw: int = 0, items: tuple[Value, ...] | dict[str, Value] | None = None) -> Value:
    """Returns a Python sequence, of known items or with parts of these inputs."""
    return Value(Token("other"), raw=raw, items=items, sequence=True)


def grouped(*items: Value) -> Value:
    """Returns a group of values: a tuple, or another container that is unpacked like one."""
    return Value(Token("other"), items=items)


def array_of(mask: int = 0, *, boolean: bool = False) -> Value:
    """Returns an array that a function computes from the inputs of a mask."""
    return unknown(mask | MADE, boolean=boolean)


def mask_of(values: Iterable[Value]) -> int:
    """Returns every input that one of the values depends on."""
    mask = 0
    for value in values:
        mask |= value.mask()
    return mask


# The identities of what two ways left in one variable: aliases get the same one.
Joins = dict[tuple[Token | None, Token | None], Token]


def joined(a: Value, b: Value, joins: Joins) -> Value:
    """Returns the value of a variable after two branches left it as `a` and as `b`.

    Args:
        a: The value after one branch.
        b: The value after the other one.
        joins: The joins made so far, so that aliases stay aliases.
    """
    if a is b:
        return a
    token = _joined_token(a.token, b.token, joins)
    items = None
    if isinstance(a.items, tuple) and isinstance(b.items, tuple) and len(a.items) == len(b.items):
        items = tuple(joined(x, y, joins) for x, y in zip(a.items, b.items, strict=True))
    elif (
        isinstance(a.items, dict) and isinstance(b.items, dict) and a.items.keys() == b.items.keys()
    ):
        items = {name: joined(a.items[name], b.items[name], joins) for name in a.items}
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


def _joined_token(a: Token | None, b: Token | None, joins: Joins) -> Token | None:
    if a is b:
        return a
    token = joins.get((a, b))
    if token is None:
        both = [each for each in (a, b) if each is not None]
        sources: dict[object, Token] = {id(each): each for each in both}
        evidence = any(each.is_key for each in both)
        token = joins[a, b] = Token("joined", evidence=evidence, children=sources)
    return token


def any_of(values: Sequence[Value]) -> Value:
    """Returns a value that is one of several, nobody knows which."""
    joins: Joins = {}
    result = values[0]
    for other in values[1:]:
        result = joined(result, other, joins)
    return result
