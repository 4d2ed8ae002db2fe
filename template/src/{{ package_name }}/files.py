"""Writing files that are whole or not there, whatever happens in between."""

import contextlib
import itertools
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file to write that takes the place of `path` if the block ends without an error.

    A reader sees the old content or the new, never a part. The content is on disk afterwards, and
    survives a loss of power.

    Args:
        path: The file; its folder must exist.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        sync(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write `content`, text as UTF-8, to `path` as `replacing` does."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def move_aside(path: Path, name: str) -> Path:
    """Rename a file or folder to `name` beside it, or ``name.1``, ``name.2``, ... if that is taken.

    Returns:
        Where it is now.
    """
    names = itertools.chain([name], (f"{name}.{number}" for number in itertools.count(1)))
    target = next(each for each in map(path.with_name, names) if not os.path.lexists(each))
    return path.rename(target)


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of files, is on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
