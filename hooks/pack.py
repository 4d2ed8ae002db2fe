"""Writes the file in which projects carry jaxcheck: `python hooks/pack.py`, after any change of it.

The same sources give the same bytes on every system and Python. Nothing is compressed, so that
git, which stores differences, keeps a change of a rule in a few kilobytes.
"""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from jaxcheck.running.archive import DIGITS, digest

HOOKS = Path(__file__).parent
PACKED = HOOKS.parent / "template" / "tools" / "jaxcheck.pyz"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that the format knows
UNIX = 3
MODE = 0o100644


def pack(hooks: Path = HOOKS) -> bytes:
    """Returns the zip application of the linter in `hooks`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in _entries(hooks):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system, entry.external_attr = UNIX, MODE << 16
            archive.writestr(entry, content)
        archive.comment = b"0" * DIGITS
    content = packed.getvalue()[:-DIGITS]
    return content + digest(content)


def _entries(hooks: Path) -> Iterator[tuple[str, bytes]]:
    """Yields name and content of each file, in order, with line ends as git stores them."""
    package = hooks / "jaxcheck"
    yield "__main__.py", _lines(package / "__main__.py")
    files = {
        file.relative_to(hooks).as_posix(): file
        for pattern in ("*.py", "*.md")
        for file in package.rglob(pattern)
    }
    for name, file in sorted(files.items()):
        yield name, _lines(file)


def _lines(file: Path) -> bytes:
    return file.read_bytes().replace(b"\r\n", b"\n")


if __name__ == "__main__":
    PACKED.write_bytes(pack())
