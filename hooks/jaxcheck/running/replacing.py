"""Replaces a file at once: a reader, or a crash, finds the old content or the new one."""

import os
import shutil
import tempfile
from pathlib import Path


def replace_text(path: Path, text: str, encoding: str = "utf-8") -> None:
    """Writes a file, with line ends as they stand in the text.

    Permissions stay, and a symbolic link stays one: the file that it leads to is written.

    Raises:
        OSError: It cannot be written; the old content is still there.
    """
    real = path.resolve()
    handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    new = Path(name)
    try:
        with os.fdopen(handle, "w", encoding=encoding, newline="") as stream:
            stream.write(text)
        if real.exists():
            shutil.copymode(real, new)
        else:
            mask = os.umask(0)
            os.umask(mask)
            new.chmod(0o666 & ~mask)
        new.replace(real)
    except BaseException:
        new.unlink()
        raise
