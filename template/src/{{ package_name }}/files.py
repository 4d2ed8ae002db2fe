"""Writing files that are whole or not there, and reading those that anybody may have written."""

import contextlib
import itertools
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from .errors import UserError

_LARGEST: Final = 1 << 28  # bytes of a file that is read as a whole


def refuse_links(*paths: Path) -> None:
    """Check that all below these paths is files and folders, as far as it is there.

    What is written or removed there is then nowhere else.

    Raises:
        UserError: There is a symbolic link, a pipe or a device.
    """
    for path in paths:
        with contextlib.suppress(OSError):  # it is not there, or not any more
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                refuse_links(*path.iterdir())
            elif not stat.S_ISREG(mode):
                raise UserError(f"{path} is a link or a device: put a file or folder in its place")


def read_text(path: Path) -> str:
    """The content of a file that is small by its nature.

    Raises:
        UserError: It is a pipe or a device, cannot be read, is far too large, or no UTF-8.
    """
    try:
        # Opening a pipe would wait for somebody to write.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
                raise UserError(f"{path} is no file, or far too large")
            return file.read()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is damaged: it is no text") from error


def read_json(path: Path, kind: type = dict) -> Any:
    """What is in a JSON file, which must be of this kind, ``dict`` or ``list``.

    Raises:
        UserError: It cannot be read, or something else is in it.
    """
    try:
        content = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON: {error}") from error
    if not isinstance(content, kind):
        raise UserError(f"{path} holds no JSON {'object' if kind is dict else 'list'}")
    return content


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file to write that takes the place of `path` if the block ends without an error.

    A reader sees the old content or the new, never a part. The content is on disk afterwards, and
    survives a loss of power.

    Args:
        path: The file; its folder must exist.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)  # a link that was put there would be followed
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
