"""A text inside a JSON object: looked up, or read part by part where the object is large.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, no_type_check

_WHOLE = re.compile(r'[^"\\]*(?:\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])[^"\\]*)*')
"""As much of a string as has whole escapes only."""
_HALF_PAIR = re.compile(r"(?<!\\)(?:\\\\)*(\\u[dD][89abAB][0-9a-fA-F]{2})\Z")
_NEAR = 2**12  # characters, in which such an end is searched for
_ESCAPE = 6  # characters of the longest
_LITERAL = re.compile(r"[-+.\w]*")
_BLANK = re.compile(r"[ \t\r\n]*")

MISSING = object()
"""What `look_up` returns for a field that is not there."""


@no_type_check  # it takes longer than the work, which is done for each of many small lines
def look_up(record: dict[str, Any], field: str) -> Any:
    """The value of a field; in a field ``a.b`` that of ``b`` in the object ``a``."""
    if field in record:
        return record[field]
    name, dot, rest = field.partition(".")
    inner = record.get(name)
    return look_up(inner, rest) if dot and isinstance(inner, dict) else MISSING


class FieldText:
    """The text in a field of an object whose JSON comes in parts; iterating gives it in parts.

    Attributes:
        found: Whether there is one: the field is there and not null.
        known: Whether the field is there.
        fields: The fields of the object that have been passed.
    """

    def __init__(self, parts: Iterable[str], field: str) -> None:
        self._parts, self._field = parts, field
        self.found = self.known = False
        self.fields: list[str] = []

    def __iter__(self) -> Iterator[str]:
        """Read the object to its end.

        Raises:
            ValueError: It is no JSON.
            TypeError: The field holds something else.
        """
        reader = _Reader(self._parts)
        yield from self._members(reader, self._field)
        if reader.peek():
            raise ValueError("Extra data")

    def _members(self, reader: "_Reader", field: str) -> Iterator[str]:
        reader.take("{")
        while reader.peek() != "}":
            name = "".join(reader.string())
            reader.take(":")
            if field == self._field:
                self.fields.append(name)
            if name == field and not self.known:
                self.known = True
                if reader.peek() == '"':
                    self.found = True
                    yield from reader.string()
                elif reader.peek() in ("{", "[") or reader.literal() is not None:
                    raise TypeError("is no text")
            elif field.startswith(f"{name}.") and reader.peek() == "{":
                yield from self._members(reader, field[len(name) + 1 :])
            else:
                reader.skip()
            if reader.peek() != "}":
                reader.take(",")
        reader.take("}")


class _Reader:
    """Reads JSON of which a part is in memory."""

    def __init__(self, parts: Iterable[str]) -> None:
        self._parts, self._text, self._at = iter(parts), "", 0

    def peek(self) -> str:
        """The next character that is no blank; nothing at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, expected: str) -> None:
        """Pass over a character."""
        if self.peek() != expected:
            raise ValueError(f"Expecting {expected!r}")
        self._at += 1

    def string(self) -> Iterator[str]:
        """Pass over a string, and give it in parts."""
        self.take('"')
        closed = False
        while not closed:
            whole = _WHOLE.match(self._text, self._at)
            end = whole.end() if whole else self._at
            closed = self._text[end : end + 1] == '"'
            near = max(self._at, end - _NEAR)
            if not closed and (half := _HALF_PAIR.search(self._text, near, end)):
                end = half.start(1)
            yield json.loads(f'"{self._text[self._at : end]}"')
            self._at = end + closed
            complete = not closed and len(self._text) - end >= 2 * _ESCAPE
            if complete or not (closed or self._more()):
                raise ValueError("a string with a wrong escape, or without an end")

    def literal(self) -> Any:
        """Pass over a number, a truth value or null, and give it."""
        text = ""
        while True:
            found = _LITERAL.match(self._text, self._at)
            end = found.end() if found else self._at
            text, self._at = text + self._text[self._at : end], end
            if self._at < len(self._text) or not self._more():
                return json.loads(text)

    def skip(self) -> None:
        """Pass over a value."""
        match self.peek():
            case '"':
                for _ in self.string():
                    pass
            case "{" | "[" as opened:
                self.take(opened)
                close = "}" if opened == "{" else "]"
                while self.peek() != close:
                    if opened == "{":
                        self.skip()
                        self.take(":")
                    self.skip()
                    if self.peek() != close:
                        self.take(",")
                self.take(close)
            case _:
                self.literal()

    def _more(self) -> bool:
        part = next(self._parts, None)
        self._text, self._at = self._text[self._at :] + (part or ""), 0
        return part is not None
