"""The grammar of jaxtyping's shape strings, such as `"batch seq_len 3"`."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_WORD = re.compile(r"\S+")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?![\w(.])")
_BRACES = re.compile(r"\{[^{}]*\}")
_MARKS = {"#": "broadcastable", "*": "variadic", "_": "anonymous", "?": "treepath"}


@dataclass(frozen=True, slots=True)
class Dimension:
    """One word of a shape string.

    Attributes:
        text: The word as written, such as `*batch`.
        name: The name that it binds, such as `batch`; "" for a number, an expression, `_`, `...`.
        size: Its size where that is a number.
        expression: The expression that gives its size, such as `seq_len+1`.
        variadic: Whether it stands for any number of axes (`*batch`, `...`).
        broadcastable: Whether it may be 1 instead (`#batch`).
        offset: Where `name` (or else the word) starts in the string.
    """

    text: str
    name: str = ""
    size: int | None = None
    expression: str = ""
    variadic: bool = False
    broadcastable: bool = False
    offset: int = 0

    @property
    def names(self) -> Iterator[tuple[str, int]]:
        """Every dimension name that it mentions, with where the name starts in the string."""
        if self.name:
            yield self.name, self.offset
        elif self.expression:
            blanked = _BRACES.sub(lambda found: " " * len(found[0]), self.expression)
            start = self.offset + len(self.text) - len(self.expression)
            for found in _NAME.finditer(blanked):
                yield found[0], start + found.start()


@dataclass(frozen=True, slots=True)
class Shape:
    """A parsed shape string.

    Attributes:
        dimensions: Its words.
        error: Why jaxtyping would refuse it; "" for a valid one.
    """

    dimensions: tuple[Dimension, ...]
    error: str = ""

    @property
    def rank(self) -> int | None:
        """How many axes it says; None where it leaves that open."""
        if self.error or any(each.variadic for each in self.dimensions):
            return None
        return len(self.dimensions)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each word; "" where it has none."""
        return tuple(each.name for each in self.dimensions)

    def index(self, *names: str) -> int | None:
        """Returns the place of the first word that has one of these names."""
        return next((at for at, each in enumerate(self.dimensions) if each.name in names), None)


@cache
def parse_shape(spec: str) -> Shape:
    """Parses a shape string. A malformed one gives what can be read of it, and the error."""
    dimensions: list[Dimension] = []
    error = ""
    for found in _WORD.finditer(spec):
        dimension, wrong = _dimension(found[0], found.start())
        dimensions.append(dimension)
        error = error or wrong
    if not error and sum(each.variadic for each in dimensions) > 1:
        error = "only one word may stand for several axes (`*name` or `...`)"
    return Shape(tuple(dimensions), error)


def _dimension(word: str, start: int) -> tuple[Dimension, str]:
    plain = Dimension(word, offset=start)
    if "," in word and "(" not in word:
        return plain, f"{word!r} holds a comma, and axes are separated by spaces"
    if word.endswith("#"):
        return plain, f"{word!r} has its `#` at the end, and it belongs at the start"
    if "..." in word:
        wrong = "" if word == "..." else f"`...` must stand alone, and it is part of {word!r}"
        return Dimension(word, variadic=True, offset=start), wrong
    rest, marks, wrong = word, set[str](), ""
    while rest:
        if rest[0] in _MARKS:
            if rest[0] in marks:
                wrong = wrong or f"{word!r} says `{rest[0]}` twice"
            marks.add(rest[0])
            rest = rest[1:]
        elif rest.count("=") == 1:
            rest = rest.partition("=")[2]
        else:
            break
    offset = start + len(word) - len(rest)
    variadic, broadcastable = "*" in marks, "#" in marks
    if not rest or rest.isidentifier():
        if "_" in marks and broadcastable:
            wrong = wrong or f"{word!r} is anonymous and broadcastable at once"
        name = "" if "_" in marks else rest
        found = Dimension(word, name, None, "", variadic, broadcastable, offset if name else start)
        return found, wrong
    extra = next((mark for mark in "*_?" if mark in marks), None)
    if extra:
        wrong = wrong or f"{word!r} marks a size with `{extra}`, which only a name may have"
    try:
        return Dimension(word, "", int(rest), "", variadic, broadcastable, start), wrong
    except ValueError:
        pass
    if not _is_expression(rest):
        wrong = wrong or f"{word!r} is neither a name nor a number nor an expression"
    return Dimension(word, "", None, rest, variadic, broadcastable, start), wrong


def _is_expression(text: str) -> bool:
    try:
        ast.parse(_BRACES.sub("x", text), mode="eval")
    except (SyntaxError, ValueError):
        return False
    return True
