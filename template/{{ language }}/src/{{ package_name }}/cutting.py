"""Long documents in pieces: at ends of lines, else at blanks, else between two characters."""

import re
from collections.abc import Iterable, Iterator
from typing import no_type_check

PIECE_BYTES = 2**18  # of UTF-8, at most, are in memory of one text

_VISIBLE = re.compile(rb"[!-~]")


@no_type_check  # it takes longer than the work, which is done for each of many small texts
def cut(parts: Iterable[str], limit: int = PIECE_BYTES) -> Iterator[bytes]:
    """Cut a text, which comes in parts, into pieces of UTF-8.

    Memory holds a part and a piece. A text of at most `limit` bytes is one piece; the pieces of
    any text, put together, are that text; an empty one is a piece, too.

    Args:
        parts: The text.
        limit: The most bytes of a piece, unless it is a single character.
    """
    waiting, whole = bytearray(), True
    for part in parts:
        waiting += part.encode()
        start = 0
        while len(waiting) - start > limit:
            end = _end(waiting, start, limit)
            yield bytes(waiting[start:end])
            start, whole = end, False
        del waiting[:start]
    if waiting or whole:
        yield bytes(waiting)


@no_type_check  # likewise
def is_blank(piece: bytes) -> bool:
    """Whether a text holds nothing but blanks, of Unicode's, too."""
    return not _VISIBLE.search(piece) and not piece.decode().strip()


@no_type_check  # likewise
def _end(data: bytearray, start: int, limit: int) -> int:
    stop = start + limit
    for mark in (b"\n", b" "):
        found = data.rfind(mark, start, stop)
        if found >= 0:
            return found + 1
    end = stop
    while end > start and data[end] & 0xC0 == 0x80:  # inside a character
        end -= 1
    if end == start:
        end = stop
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end += 1
    return end
