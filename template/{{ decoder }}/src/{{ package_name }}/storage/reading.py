"""Files of the user's own, read whether they are compressed or not.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import contextlib
import gzip
import importlib
import io
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from ..errors import UserError


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
