"""Text files: what they are encoded in, and what they say, block by block.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import codecs
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import UserError

BLOCK_BYTES = 2**20

_WIDE = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # it begins like the one of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MARKS = ((codecs.BOM_UTF8, "utf-8"), *_WIDE)


def check_encoding(name: str) -> str:
    """The same name, if an encoding of texts has it.

    Raises:
        UserError: There is none.
    """
    try:
        "x".encode(name or "utf-8")
    except LookupError as error:
        raise UserError(f"--encoding {name}: there is no such encoding") from error
    return name


def is_wide(head: bytes) -> bool:
    """Whether a text that begins so has the byte order mark of UTF-16 or UTF-32."""
    return head.startswith(tuple(mark for mark, _ in _WIDE))


class DecodedText:
    """The text of a file, decoded as it is read.

    Attributes:
        encoding: What it is encoded in: what its byte order mark says, what was given, or UTF-8.
    """

    def __init__(self, path: Path, content: Any, given: str = "") -> None:
        """Read the beginning.

        Args:
            path: For messages.
            content: The bytes of the file, unpacked.
            given: The encoding of texts without a mark; empty for UTF-8.
        """
        self._path, self._content, self._given = path, content, given
        self._head: bytes = content.read(BLOCK_BYTES)
        marked = next((name for mark, name in _MARKS if self._head.startswith(mark)), "")
        self.encoding = marked or given or "utf-8"

    def blocks(self) -> Iterator[str]:
        """The text, a part at a time; a byte order mark is no part of it.

        Raises:
            UserError: It is in another encoding, or holds NUL bytes although no encoding was given.
        """
        name = "utf-8-sig" if codecs.lookup(self.encoding).name == "utf-8" else self.encoding
        decoder = codecs.getincrementaldecoder(name)()
        lines, offset = 1, 0  # of what follows
        for data in chain([self._head], iter(lambda: self._content.read(BLOCK_BYTES), b""), [b""]):
            if not self._given and self.encoding == "utf-8" and b"\0" in data:
                raise UserError(
                    f"{self._path} holds NUL bytes, as UTF-16 and files that are no text do: give "
                    "--encoding, such as utf-16-le, or utf-8 to keep them"
                )
            waiting = len(decoder.getstate()[0])
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                before = error.object[: error.start].decode(self.encoding, "replace")
                place = offset - waiting + error.start
                raise UserError(
                    f"{self._path}:{lines + before.count(chr(10))} is not "
                    f"{self.encoding.upper()} (byte 0x{error.object[error.start]:02x} at offset "
                    f"{place}): give --encoding, such as cp1252, or leave it out"
                ) from error
            lines, offset = lines + text.count("\n"), offset + len(data)
            if text:
                yield text


def lines_of(blocks: Iterable[str], longest: int) -> Iterator[str | Iterator[str]]:
    """The lines of a text without their ends; one that is longer than `longest` comes in parts."""
    begun: list[str] = []
    rest = iter(blocks)
    while (block := next(rest, None)) is not None:
        first, *more = block.split("\n")
        begun.append(first)
        if more:
            yield "".join(begun)
            yield from more[:-1]
            begun = more[-1:]
        if sum(map(len, begun)) > longest:
            after: list[str] = []
            line = _long_line(begun, rest, after)
            yield line
            for _ in line:
                pass  # what its reader has left
            begun, rest = [], chain(after, rest)
    yield "".join(begun)


def _long_line(begun: list[str], rest: Iterator[str], after: list[str]) -> Iterator[str]:
    yield from begun
    for block in rest:
        text, end, more = block.partition("\n")
        yield text
        if end:
            after.append(more)
            return
