"""All documents of a source, put aside on disk until it is known which splits they are in."""

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar, no_type_check

import numpy as np

from .cutting import PIECE_BYTES, cut, is_blank
from .documents import Found
from .errors import UserError
from .sources import Piece, Source
from .storage.ahead import ahead
from .storage.splitting import Splitter
from .storage.spool import Spool

_AHEAD_BYTES = 2**20  # of text that are handed from one thread to the other at a time
_LEAST = 1024  # bytes of a document, where one is cut because there are too few


class Part(NamedTuple):
    """A piece of a document.

    Attributes:
        text: In UTF-8.
        begins: Whether it is the first of its document.
        ends: Whether it is the last.
    """

    text: bytes
    begins: bool
    ends: bool


Text = TypeVar("Text", Piece, Part)


class Gathered:
    """The documents of a source.

    Attributes:
        splitter: What decides their splits; without those that hold nothing but blanks, or that
            are dropped because they equal an earlier one.
    """

    def __init__(self, spool: Spool, percent: tuple[int, int, int], source: Source) -> None:
        """Begin with no document.

        Args:
            spool: Where their pieces are put aside.
            percent: How many of a hundred bytes go to each of the splits.
            source: Where they come from.
        """
        self.splitter = Splitter(percent, "the document")
        self._spool, self._percent, self._source = spool, percent, source
        self._found, self._limit = Found(), source.max_document_bytes
        # Of each document, which pieces it has, what decides its place, and its size.
        self._first, self._stop, self._pieces = array("Q"), array("Q"), 0
        self._order, self._sizes = array("Q"), array("Q")
        self._seen, self._dropped, self._empty, self._cut = set[bytes](), 0, 0, 0
        self._begin()

    @property
    def bytes(self) -> int:
        """Size of all documents."""
        return sum(self._sizes)

    def told(self) -> dict[str, Any]:
        """What the data set is to remember of the source, in JSON's types."""
        equal = len(self._order) - len(np.unique(self._order))
        pieces = len(self._order) + self._dropped
        return {
            "files": dict(self._found.files),
            "without_text": self._found.without_text,
            "empty_documents": self._empty,
            "repeated_documents": self._dropped + equal,
            "dropped_repeated": self._source.dedup,
            "cut": {"documents": pieces - self._cut, "pieces": pieces, "bytes": self._limit},
        }

    def read(self, advance: Callable[[int], object]) -> None:
        """Read the source.

        Args:
            advance: Told, now and then, how many more bytes were read from disk.

        Raises:
            UserError: A document cannot be read, there is none, or the disk is full.
        """
        most = self._source.max_documents
        for batch in ahead(together(self._source.pieces(advance, self._found), _AHEAD_BYTES)):
            for piece in batch:
                if piece.begins:
                    self._end()
                    if len(self._order) == most:
                        break
                    self._whole = piece.whole
                self._add(piece.text)
            if len(self._order) == most:
                break
        self._end()
        if not self._order:
            raise UserError(f"the source holds no text ({self._empty} empty documents)")
        self._spool.flush()

    def cut_large(self, make_spool: Callable[[], Spool]) -> "Gathered":
        """The same documents, cut where one is too large a part of all text to be held out.

        Args:
            make_spool: Makes a second file, if pieces must be smaller than they are.

        Raises:
            UserError: The disk is full.
        """
        all_bytes, smallest = self.bytes, min(self._percent[1:])
        large = max(smallest * all_bytes // 100, _LEAST)
        if self._limit is not None or max(self._sizes) <= large:
            return self
        limit = max(all_bytes // 100, _LEAST)
        again = limit < PIECE_BYTES
        made = Gathered(make_spool() if again else self._spool, self._percent, self._source)
        made._limit = min(limit, PIECE_BYTES)
        for number, size in enumerate(self._sizes):
            for part in self.parts(number):
                texts = cut([part.text.decode()], limit) if again and size > large else [part.text]
                for text in texts:
                    if part.begins or size > large:
                        made._end()
                    made._add(text, store=again)
        made._end()
        made._spool.flush()
        made._cut = len(made._order) + made._dropped - len(self._order)
        made._found, made._empty = self._found, self._empty
        made._dropped += self._dropped
        return made

    def order(self) -> "array[int]":
        """The numbers of all documents, in the order of their digests."""
        return array("q", np.argsort(np.array(self._order), kind="stable").tobytes())

    def sizes(self, splits: list[str]) -> dict[str, int]:
        """Bytes of each split."""
        sizes: dict[str, int] = dict.fromkeys(splits, 0)
        for split, size in zip(splits, self._sizes, strict=True):
            sizes[split] += size
        return sizes

    @no_type_check  # it takes longer than the work, which is done for each of many small documents
    def parts(self, number: int) -> Iterator[Part]:
        """The pieces of a document."""
        first, stop = self._first[number], self._stop[number]
        for at in range(first, stop):
            yield Part(self._spool[at], at == first, at + 1 == stop)

    def _begin(self) -> None:
        self._digest, self._size, self._blank, self._whole = hashlib.sha256(), 0, True, True
        self._beginning = self._pieces

    @no_type_check  # likewise
    def _add(self, text: bytes, store: bool = True) -> None:
        """Take in the next piece of a document."""
        self._digest.update(text)
        self._size += len(text)
        self._blank = self._blank and is_blank(text)
        if store:
            self._spool.add(text)
        self._pieces += 1

    @no_type_check  # likewise
    def _end(self) -> None:
        """Complete a document, if one has been begun."""
        if self._pieces == self._beginning:
            return
        digest = self._digest.digest()
        repeated = not self._blank and self._source.dedup and digest in self._seen
        self._empty += self._blank
        self._dropped += repeated
        self._cut += not (self._whole or self._blank)
        if not (self._blank or repeated):
            if self._source.dedup:
                self._seen.add(digest)
            self.splitter.add(digest, size=self._size)
            self._order.append(int.from_bytes(digest[:8], "big"))
            self._sizes.append(self._size)
            self._first.append(self._beginning)
            self._stop.append(self._pieces)
        self._begin()


def together(pieces: Iterable[Text], least: int) -> Iterator[list[Text]]:
    """Pieces in lists, since handing one over takes longer than making it.

    Args:
        pieces: The pieces.
        least: Bytes that make a list, the last one aside.
    """
    batch, size = [], 0
    for piece in pieces:
        batch.append(piece)
        size += len(piece.text)
        if size >= least:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
