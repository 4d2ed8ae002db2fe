"""Files of the user's own: found by patterns, read whether they are compressed or not.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import contextlib
import glob
import gzip
import importlib
import io
import os
import zlib
from collections.abc import Iterator, Sequence
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from ..errors import UserError


def matching_files(
    patterns: Sequence[str], example: str, suffixes: tuple[str, ...] = ()
) -> tuple[Path, ...]:
    """The files that match any of the patterns, each once, in a fixed order.

    Args:
        patterns: What stood behind ``--source``; ``**`` searches folders.
        example: What to search a folder for, such as ``**/*.txt``; for errors.
        suffixes: Of a folder, all files whose names end so are taken; without any, it is refused.

    Raises:
        UserError: A pattern matches no file, or a folder without such files.
    """
    files: set[Path] = set()
    for pattern in patterns:
        expanded = os.path.expanduser(pattern)
        folder = os.path.isdir(expanded)
        names = Path(expanded).rglob("*") if folder else glob.glob(expanded, recursive=True)
        found = [path for path in map(Path, names) if path.is_file()]
        if folder:
            found = [path for path in found if path.name.endswith(suffixes)]
        if folder and not found:
            inside = os.path.join(pattern, *example.split("/"))
            raise UserError(f"--source {pattern} is a folder: give a pattern such as '{inside}'")
        if not found:
            raise UserError(f"--source {pattern} matches no file")
        files.update(found)
    return tuple(sorted(files))


@contextlib.contextmanager
def reading(path: Path) -> Iterator[tuple[BufferedIOBase, BufferedIOBase]]:
    """Read a file; one that ends in ``.gz`` or ``.zst`` is unpacked.

    Yields:
        What is in it, and the file itself, whose position tells how far the reading is.

    Raises:
        UserError: It cannot be read, now or while it is.
    """
    try:
        with path.open("rb") as raw:
            yield _unpacked(path, raw), raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is no intact gzip file: {error}") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


def pyarrow_for(path: Path, module: str = "pyarrow") -> Any:
    """A module of pyarrow, which only some files need.

    Raises:
        UserError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(f"{path} needs the package pyarrow: run `uv add pyarrow`") from error


def _unpacked(path: Path, raw: BufferedIOBase) -> BufferedIOBase:
    if path.suffix == ".gz":
        return gzip.GzipFile(fileobj=raw)
    if path.suffix == ".zst":
        return io.BufferedReader(pyarrow_for(path).CompressedInputStream(raw, "zstd"))
    return raw
