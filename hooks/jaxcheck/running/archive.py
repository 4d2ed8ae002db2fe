"""The one file in which a project carries jaxcheck, and whether it is as it was delivered.

`jaxcheck.pyz` is a zip application. Its last bytes, the archive's comment, are the SHA-256 of all
bytes before them: a change anywhere in the file shows, though not who made it.
"""

import hashlib
from pathlib import Path
from zipimport import zipimporter

DIGITS = 2 * hashlib.sha256().digest_size


def digest(content: bytes) -> bytes:
    """Returns the comment that belongs after everything else in the file."""
    return hashlib.sha256(content).hexdigest().encode()


def is_unchanged(file: Path) -> bool:
    """Whether a copy of jaxcheck.pyz is, byte for byte, one that was delivered."""
    content = file.read_bytes()
    return content[-DIGITS:] == digest(content[:-DIGITS])


def running() -> Path | None:
    """Returns the file that jaxcheck runs from; None where it runs from a folder."""
    loader = __spec__.loader if __spec__ else None
    return Path(loader.archive) if isinstance(loader, zipimporter) else None


def superseded(file: Path) -> Path | None:
    """Returns the folder that releases before 0.5 brought in place of this file, if it is left."""
    folder = file.with_suffix("")
    return folder if (folder / "__main__.py").is_file() else None
