"""Where documents come from: the bundled sample, or files of your own.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import argparse
import platform
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .documents import SUFFIXES, TABLES, read_documents
from .errors import UserError
from .storage.matching import matching_files
from .tokenization import TOKENIZER_HELP

# Tests are left out because they hold odd data, applications and installed packages because not
# every Python has them.
_NO_SAMPLE = {"test", "tests", "idle_test", "idlelib", "site-packages", "dist-packages"}


@dataclass(frozen=True)
class Source:
    """Files, how documents are cut from them, and how these become tokens.

    A file is one document; a ``.jsonl`` file holds one per line, unpacked where ``.gz`` or ``.zst``
    follows; Parquet and Arrow files hold one per row.

    Attributes:
        name: What the data set remembers as its origin.
        files: The files, in a fixed order.
        field: The field of a ``.jsonl`` line, or the column, that holds the text.
        max_document_bytes: Longer documents are cut into several, at ends of lines; None cuts none.
        max_documents: The first so many are taken; None takes all.
        dedup: Take documents with the same text once.
        tokenizer: Where a tokenizer is read from; None for bytes.
        train_tokenizer: Ids of a tokenizer that is trained instead; None trains none.
    """

    name: str
    files: tuple[Path, ...]
    field: str = "text"
    max_document_bytes: int | None = None
    max_documents: int | None = None
    dedup: bool = False
    tokenizer: Path | None = None
    train_tokenizer: int | None = None

    def size(self) -> int:
        """Bytes of all files as they lie on disk."""
        return sum(path.stat().st_size for path in self.files)

    def documents(self, advance: Callable[[int], object]) -> Iterator[tuple[str, str]]:
        """Read all documents.

        Args:
            advance: Told, now and then, how many more bytes were read from disk.

        Yields:
            Where a document stands (a file, with the line if it holds several), and its text.

        Raises:
            UserError: A file cannot be read; the message says where.
        """
        for path in self.files:
            for where, text in read_documents(path, self.field, advance):
                limit = self.max_document_bytes
                for piece in [text] if limit is None else _cut(text, limit):
                    yield where, piece


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
        help="your text files, or folders of them. A file is one document; .jsonl, .parquet and "
        ".arrow files hold many; .gz and .zst are unpacked. Without it: the standard library's "
        "sources",
    )
    parser.add_argument(
        "--field",
        "--column",
        default="text",
        metavar="NAME",
        help="field of a .jsonl line, or column of a table, with the text",
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
        help="cut longer documents at ends of lines, so that a few large files still fill all "
        "three splits (each piece then counts as a document)",
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
        UserError: A pattern matches no file, or a folder without any.
    """
    for name, least in (("max_document_bytes", 1), ("max_documents", 1), ("train_tokenizer", 258)):
        value = getattr(arguments, name)
        if value is not None and value < least:
            raise UserError(f"--{name.replace('_', '-')} must be at least {least}, not {value}")
    source = from_patterns(arguments.source, arguments.field) if arguments.source else sample()
    names = ("max_document_bytes", "max_documents", "dedup", "tokenizer", "train_tokenizer")
    return replace(source, **{name: getattr(arguments, name) for name in names})


def from_patterns(patterns: Sequence[str], field: str = "text") -> Source:
    """Return the source of all files that the patterns match.

    Raises:
        UserError: A pattern matches no file, or a folder without any.
    """
    files = matching_files(patterns, "**/*.txt", (*SUFFIXES, *TABLES))
    return Source(" ".join(patterns), files, field)


def _cut(text: str, limit: int) -> Iterator[str]:
    """Cut text at ends of lines into pieces of at most ``limit`` bytes, longer lines apart."""
    piece: list[str] = []
    size = 0
    for line in text.splitlines(keepends=True):
        length = len(line.encode())
        if piece and size + length > limit:
            yield "".join(piece)
            piece, size = [], 0
        piece.append(line)
        size += length
    yield "".join(piece)
