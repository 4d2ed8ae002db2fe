"""Files of the user's own, read whether they are compressed or not.

This module stays free of heavy imports, because the command line reads it for its help.
"""

import bz2
import contextlib
import gzip
import importlib
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from ..errors import UserError

PACKED = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd", ".zip": "zip"}
"""What a file is packed in, by the end of its name."""

_BROKEN = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


@contextlib.contextmanager
def reading(path: Path) -> Iterator[tuple[BufferedIOBase, BufferedIOBase]]:
    """Read a file; one whose name ends as `PACKED` says is unpacked.

    Yields:
        What is in it, and the file itself, whose position tells how far the reading is.

    Raises:
        UserError: It cannot be read, now or while it is.
    """
    packed = PACKED.get(path.suffix.lower(), "")
    try:
        with path.open("rb") as raw, contextlib.closing(_unpacked(path, packed, raw)) as content:
            yield content, raw
    except (*_BROKEN, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is no intact {packed} file: {error}") from error
    except OSError as error:
        if packed == "bzip2" and error.errno is None:
            raise UserError(f"{path} is no intact {packed} file: {error}") from error
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


def inner_name(path: Path) -> str:
    """The name of what is in a file, in lower case: its own without the end that packing adds.

    Raises:
        UserError: It is no intact zip archive, or one of several files.
    """
    packed = PACKED.get(path.suffix.lower())
    if packed != "zip":
        return path.name.lower().removesuffix(path.suffix.lower() if packed else "")
    with reading(path) as (_, raw), zipfile.ZipFile(raw) as archive:
        return _only_member(path, archive).lower()


def pyarrow_for(path: Path, module: str = "pyarrow") -> Any:
    """A module of pyarrow, which only some files need.

    Raises:
        UserError: It is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise UserError(f"{path} needs the package pyarrow: run `uv add pyarrow`") from error


def _unpacked(path: Path, packed: str, raw: Any) -> Any:
    match packed:
        case "gzip":
            return gzip.GzipFile(fileobj=raw)
        case "bzip2":
            return bz2.BZ2File(raw)
        case "xz":
            return lzma.LZMAFile(raw)
        case "zstd":
            return io.BufferedReader(pyarrow_for(path).CompressedInputStream(raw, "zstd"))
        case "zip":
            archive = zipfile.ZipFile(raw)
            try:
                return archive.open(_only_member(path, archive))
            except (NotImplementedError, RuntimeError) as error:  # its method, or a password
                raise UserError(f"{path} cannot be read: {error}") from error
    return raw


def _only_member(path: Path, archive: zipfile.ZipFile) -> str:
    names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    names = [name for name in names if not name.startswith("__MACOSX/")]
    if len(names) != 1:
        raise UserError(f"{path} holds {len(names)} files: unpack it and give those to read")
    return names[0]
