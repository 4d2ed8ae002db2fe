"""All documents of a source, put aside on disk until it is known which splits they are in."""

import hashlib
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, no_type_check

import numpy as np

from .cutting import LARGEST, cut, is_blank
from .documents import Found
from .errors import UserError
from .sources import Piece, Source
from .storage.ahead import ahead
from .storage.spool import Spool
from .storage.splitting import SPLITS, Splitter

_AHEAD_BYTES = 2**20  # of text that are handed from one thread to the other at a time
_LEAST = 1024  # bytes of a piece, where one is cut because there are too few documents


class Gathered:
    """The documents of a source, those that are cut in pieces.

    Attributes:
        texts: The pieces in UTF-8, in the order of the source.
        splitter: What decides their splits.
        found: What the files are.
        documents: How many were read, as they were before they were cut.
        pieces: How many they were cut into.
        empty: How many hold nothing but blanks, and were left out.
    """

    def __init__(self, path: Path, percent: tuple[int, int, int], source: Source) -> None:
        """Begin with no document.

        Args:
            path: The file that they are put aside in.
            percent: How many of a hundred bytes go to each of the splits.
            source: Where they come from.
        """
        self.texts, self.splitter = Spool(path), Splitter(percent, "the document")
        self.found, self.documents, self.pieces, self.empty = Found(), 0, 0, 0
        self._source, self._percent = source, percent
        self._limit = source.max_document_bytes or LARGEST
        self._order, self._seen, self._dropped = array("Q"), set[bytes](), 0

    def __enter__(self) -> "Gathered":
        """Nothing is done before documents are read."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.texts.close()

    def told(self) -> dict[str, Any]:
        """What the data set is to remember of the source, in JSON's types."""
        equal = len(self._order) - len(np.unique(self._order))
        return {
            "files": dict(self.found.files),
            "without_text": self.found.without_text,
            "empty_documents": self.empty,
            "repeated_documents": self._dropped + equal,
            "dropped_repeated": self._source.dedup,
            "cut": {"documents": self.documents, "pieces": self.pieces, "bytes": self._limit},
        }

    def read(self, advance: Callable[[int], object]) -> None:
        """Read the source.

        Args:
            advance: Told, now and then, how many more bytes were read from disk.

        Raises:
            UserError: A document cannot be read, there is none, or the disk is full.
        """
        pieces = self._source.pieces(advance, self.found)
        most = self._source.max_documents
        for batch in ahead(_together(pieces)):
            for piece in batch:
                if len(self._order) != most:
                    self._add(piece)
            if len(self._order) == most:
                break
        if not self._order:
            raise UserError(f"the source holds no text ({self.empty} empty documents)")
        self.texts.flush()

    def limit(self, percent: int) -> int:
        """The bytes to cut documents to, where one is too large to be held out; 0 for as they are.

        Args:
            percent: How many of a hundred bytes the smallest split is to have.
        """
        if self._source.max_document_bytes is not None:
            return 0
        largest = max(map(self.texts.size, range(len(self.texts))))
        too_large = 100 * largest > percent * self.texts.bytes
        return max(self.texts.bytes // 100, _LEAST) if too_large and largest > _LEAST else 0

    def cut(self, path: Path, limit: int) -> "Gathered":
        """The same documents in smaller pieces.

        Args:
            path: The file that those are put aside in.
            limit: The most bytes of a piece.

        Raises:
            UserError: The disk is full.
        """
        cut_up = Gathered(path, self._percent, self._source)
        cut_up._limit = limit
        for number in range(len(self.texts)):
            for text in cut([self.texts[number].decode()], limit):
                cut_up._add(Piece("", text, begins=False))
        cut_up.found, cut_up.documents = self.found, self.documents
        cut_up.empty, cut_up._dropped = self.empty, cut_up._dropped + self._dropped
        cut_up.texts.flush()
        return cut_up

    def order(self) -> "array[int]":
        """The numbers of all pieces, in the order of their digests."""
        return array("q", np.argsort(np.array(self._order), kind="stable").tobytes())

    def sizes(self, splits: list[str]) -> dict[str, int]:
        """Bytes of each split."""
        sizes: dict[str, int] = {split: 0 for split in SPLITS}
        for number, split in enumerate(splits):
            sizes[split] += self.texts.size(number)
        return sizes

    @no_type_check
    def _add(self, piece: Piece) -> None:
        if is_blank(piece.text):
            self.empty += piece.begins
            return
        self.documents += piece.begins
        self.pieces += 1
        digest = hashlib.sha256(piece.text).digest()
        if self._source.dedup:
            if digest in self._seen:
                self._dropped += 1
                return
            self._seen.add(digest)
        self.splitter.add(digest, size=len(piece.text))
        self._order.append(int.from_bytes(digest[:8], "big"))
        self.texts.add(piece.text)


def _together(pieces: Iterator[Piece]) -> Iterator[list[Piece]]:
    """Pieces in lists, since handing one over takes longer than making it."""
    batch, size = [], 0
    for piece in pieces:
        batch.append(piece)
        size += len(piece.text)
        if size >= _AHEAD_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
