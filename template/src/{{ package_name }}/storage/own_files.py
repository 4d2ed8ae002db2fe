"""Files of the user's own: found by patterns, read whether they are compressed or not.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import contextlib
import glob
import gzip
import os
import zlib
from collections.abc import Iterator, Sequence
from io import BufferedIOBase
from pathlib import Path

from ..errors import UserError


def matching_files(patterns: Sequence[str], example: str) -> tuple[Path, ...]:
    """The files that match any of the patterns, each once, in a fixed order.

    Args:
        patterns: What stood behind ``--source``; ``**`` searches folders.
        example: What to search a folder for, such as ``**/*.txt``; for errors.

    Raises:
        UserError: A pattern matches no file, or matches a folder.
    """
    files: set[Path] = set()
    for pattern in patterns:
        expanded = os.path.expanduser(pattern)
        if os.path.isdir(expanded):
            inside = os.path.join(pattern, *example.split("/"))
            raise UserError(f"--source {pattern} is a folder: give a pattern such as '{inside}'")
        found = [path for path in map(Path, glob.glob(expanded, recursive=True)) if path.is_file()]
        if not found:
            raise UserError(f"--source {pattern} matches no file")
        files.update(found)
    return tuple(sorted(files))


@contextlib.contextmanager
def reading(path: Path) -> Iterator[tuple[BufferedIOBase, BufferedIOBase]]:
    """Read a file; one that ends in ``.gz`` is unpacked.

    Yields:
        What is in it, and the file itself, whose position tells how far the reading is.

    Raises:
        UserError: It cannot be read, now or while it is.
    """
    try:
        with path.open("rb") as raw:
            yield (gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw), raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is no intact gzip file: {error}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
