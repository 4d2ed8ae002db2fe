"""Where documents come from: the bundled sample, or files of your own.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import argparse
import json
import platform
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from .errors import UserError
from .storage.own_files import matching_files, reading

# Tests are left out because they hold odd data, applications and installed packages because not
# every Python has them.
_NO_SAMPLE = {"test", "tests", "idle_test", "idlelib", "site-packages", "dist-packages"}


@dataclass(frozen=True)
class Source:
    """Files and how documents are cut from them.

    A file is one document, a ``.jsonl`` file holds one per line; ``.gz`` after either is unpacked.

    Attributes:
        name: What the data set remembers as its origin.
        files: The files, in a fixed order.
        field: The field of a ``.jsonl`` line that holds the text.
        max_document_bytes: Longer documents are cut into several, at ends of lines; None cuts none.
    """

    name: str
    files: tuple[Path, ...]
    field: str = "text"
    max_document_bytes: int | None = None

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
            UserError: A file cannot be read as UTF-8 text or JSON; the message says where.
        """
        for path in self.files:
            for where, text in _read(path, self.field, advance):
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
        help="your text files; ** searches folders. A file is one document, a .jsonl file holds "
        "one per line, .gz is unpacked. Without it: the standard library's sources",
    )
    parser.add_argument(
        "--field", default="text", metavar="NAME", help="field of a .jsonl line with the text"
    )
    parser.add_argument(
        "--max-document-bytes",
        type=int,
        metavar="N",
        help="cut longer documents at ends of lines, so that a few large files still fill all "
        "three splits (each piece then counts as a document)",
    )


def from_arguments(arguments: argparse.Namespace) -> Source:
    """Return what ``add_arguments`` describes.

    Raises:
        UserError: A pattern matches no file, or matches a folder.
    """
    if not arguments.source:
        return sample()
    if arguments.max_document_bytes is not None and arguments.max_document_bytes < 1:
        raise UserError("--max-document-bytes must be at least 1")
    return from_patterns(arguments.source, arguments.field, arguments.max_document_bytes)


def from_patterns(
    patterns: Sequence[str], field: str = "text", max_document_bytes: int | None = None
) -> Source:
    """Return the source of all files that the patterns match.

    Raises:
        UserError: A pattern matches no file, or matches a folder.
    """
    files = matching_files(patterns, "**/*.txt")
    return Source(" ".join(patterns), files, field, max_document_bytes)


def _read(path: Path, field: str, advance: Callable[[int], object]) -> Iterator[tuple[str, str]]:
    """Read the documents of one file."""
    told, several = 0, path.name.endswith((".jsonl", ".jsonl.gz"))
    with reading(path) as (content, raw):
        for where, text in _lines(path, content, field) if several else _whole(path, content):
            advance(raw.tell() - told)
            told = raw.tell()
            yield where, text


def _whole(path: Path, content: BufferedIOBase) -> Iterator[tuple[str, str]]:
    data = content.read()
    try:
        yield str(path), data.decode("utf-8-sig")  # a byte order mark is dropped
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _not_utf8(f"{path}:{line}", error) from error


def _lines(path: Path, content: BufferedIOBase, field: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(content, start=1):
        where = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            record = json.loads(line.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise _not_utf8(where, error) from error
        except (json.JSONDecodeError, RecursionError) as error:
            raise UserError(f"{where} is no JSON: {error}") from error
        if not isinstance(record, dict):
            raise UserError(f"{where} holds no JSON object with a field {field!r}")
        if field not in record:
            there = ", ".join(record) or "none"
            raise UserError(f"{where} has no field {field!r}; its fields: {there} (see --field)")
        text = record[field]
        if not isinstance(text, str):
            raise UserError(f"{where}: field {field!r} is no text but {type(text).__name__}")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UserError(f"{where}: field {field!r} holds half a surrogate pair") from error
        yield where, text


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


def _not_utf8(where: str, error: UnicodeDecodeError) -> UserError:
    return UserError(
        f"{where} is not UTF-8 (byte 0x{error.object[error.start]:02x} at offset {error.start}): "
        "convert it to UTF-8 or leave it out"
    )
