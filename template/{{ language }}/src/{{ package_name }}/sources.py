"""Where documents come from: the bundled sample, or files of your own.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import argparse
import platform
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from .cutting import PIECE_BYTES, cut
from .documents import SUFFIXES, TABLES, Found, Reading, read_documents
from .errors import UserError
from .storage.decoding import check_encoding
from .storage.matching import matching_files
from .tokenization import TOKENIZER_HELP

# Tests are left out because they hold odd data, applications and installed packages because not
# every Python has them.
_NO_SAMPLE = {"test", "tests", "idle_test", "idlelib", "site-packages", "dist-packages"}


class Piece(NamedTuple):
    """A document, or a part of a long one.

    Attributes:
        where: The file, with the line or row if it holds several documents.
        text: In UTF-8, at most `PIECE_BYTES`.
        begins: Whether it is the first of its document.
        whole: Whether that document begins where one in the file does; it may be cut from one.
    """

    where: str
    text: bytes
    begins: bool
    whole: bool


@dataclass(frozen=True)
class Source:
    """Files, how documents are cut from them, and how these become tokens.

    A file is one document; a file of JSON lines holds one per line, and Parquet and Arrow files
    hold one per row.

    Attributes:
        name: What the data set remembers as its origin.
        files: The files, in a fixed order.
        reading: How their texts are read.
        max_document_bytes: Longer documents are cut into several, at ends of lines; None cuts those
            only that are too large a part of all text to be held out.
        max_documents: The first so many are taken; None takes all.
        dedup: Take documents with the same text once.
        tokenizer: Where a tokenizer is read from; None for bytes.
        train_tokenizer: Ids of a tokenizer that is trained instead; None trains none.
    """

    name: str
    files: tuple[Path, ...]
    reading: Reading = field(default_factory=Reading)
    max_document_bytes: int | None = None
    max_documents: int | None = None
    dedup: bool = False
    tokenizer: Path | None = None
    train_tokenizer: int | None = None

    def size(self) -> int:
        """Bytes of all files as they lie on disk."""
        return sum(path.stat().st_size for path in self.files)

    def pieces(self, advance: Callable[[int], object], found: Found) -> Iterator[Piece]:
        """Read all documents, in pieces if they are long.

        Args:
            advance: Told, now and then, how many more bytes were read from disk.
            found: Told what the files are.

        Raises:
            UserError: A file cannot be read; the message says where.
        """
        limit = self.max_document_bytes or sys.maxsize
        for path in self.files:
            for where, parts in read_documents(path, self.reading, advance, found):
                size, whole = 0, True
                for text in cut(parts, min(limit, PIECE_BYTES)):
                    begins = whole or limit <= PIECE_BYTES or size + len(text) > limit
                    yield Piece(where, text, begins, whole)
                    size, whole = len(text) + size * (not begins), False

    def documents(self, advance: Callable[[int], object]) -> Iterator[tuple[str, str]]:
        """Where each piece stands, and its text; see `pieces`."""
        for piece in self.pieces(advance, Found()):
            yield piece.where, piece.text.decode()


def sample() -> Source:
    """Return the bundled sample: the sources of the running Python's standard library.

    Raises:
        UserError: This Python comes without sources.
    """
    root = Path(sysconfig.get_path("stdlib"))
    files = [
        path
        for path in sorted(root.rglob("*.py"))
        # _sysconfigdata is generated when Python is built: no two machines have the same.
        if not path.name.startswith("_sysconfigdata")
        and _NO_SAMPLE.isdisjoint(path.relative_to(root).parts)
    ]
    if not files:
        raise UserError(f"this Python has no sources in {root}: use your own text with --source")
    return Source(f"standard library of Python {platform.python_version()}", tuple(files))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the prepare command that say where documents come from."""
    parser.add_argument(
        "--source",
        nargs="+",
        action="extend",
        metavar="GLOB",
        help="your text files, or folders of them. A file is one document; .jsonl, .parquet, "
        ".arrow and .feather files hold many; .gz, .bz2, .xz, .zst and .zip are unpacked. Without "
        "it: the standard library's sources",
    )
    parser.add_argument(
        "--field",
        "--column",
        default="text",
        metavar="NAME",
        help="field of a .jsonl line, or column of a table, with the text; a.b is the field b in "
        "the object a",
    )
    parser.add_argument(
        "--encoding",
        default="",
        metavar="NAME",
        help="of text files, such as cp1252 (default: UTF-8, or what a byte order mark says)",
    )
    parser.add_argument(
        "--max-documents", type=int, metavar="N", help="take the first so many documents only"
    )
    parser.add_argument(
        "--dedup", action="store_true", help="take documents with the same text once"
    )
    parser.add_argument(
        "--max-document-bytes",
        type=int,
        metavar="N",
        help="cut longer documents at ends of lines; each piece then counts as a document "
        "(default: only those that are too large a part of all text to be held out are cut)",
    )
    made = parser.add_mutually_exclusive_group()
    made.add_argument("--tokenizer", type=Path, metavar="PATH", help=TOKENIZER_HELP)
    made.add_argument(
        "--train-tokenizer",
        type=int,
        metavar="N",
        help="train a tokenizer of N ids (byte-level BPE) on the training split",
    )


def from_arguments(arguments: argparse.Namespace) -> Source:
    """Return what ``add_arguments`` describes.

    Raises:
        UserError: A pattern matches no file, or a folder without any; or there is no such encoding.
    """
    for name, least in (("max_document_bytes", 1), ("max_documents", 1), ("train_tokenizer", 258)):
        value = getattr(arguments, name)
        if value is not None and value < least:
            raise UserError(f"--{name.replace('_', '-')} must be at least {least}, not {value}")
    how = Reading(arguments.field, check_encoding(arguments.encoding))
    source = from_patterns(arguments.source, how) if arguments.source else sample()
    names = ("max_document_bytes", "max_documents", "dedup", "tokenizer", "train_tokenizer")
    return replace(source, **{name: getattr(arguments, name) for name in names})


def from_patterns(patterns: Sequence[str], how: Reading | None = None) -> Source:
    """Return the source of all files that the patterns match.

    Raises:
        UserError: A pattern matches no file, or a folder without any.
    """
    files = matching_files(patterns, "**/*.txt", (*SUFFIXES, *TABLES))
    return Source(" ".join(patterns), files, how or Reading())
