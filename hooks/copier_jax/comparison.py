"""One file of a project beside the same file of the template."""

import difflib
import enum
from dataclasses import dataclass
from pathlib import Path

from . import seams

UNENDED = b"\n\\ No newline at end of file\n"


class Status(enum.StrEnum):
    """What has become of a file."""

    SAME = "same"
    EDITED = "edited"
    BEHIND = "behind"
    EDITED_AND_BEHIND = "edited and behind"
    MISSING = "missing"
    YOURS = "yours"


@dataclass(frozen=True)
class File:
    """The content of a file, and whether it can be executed."""

    content: bytes
    executable: bool

    @classmethod
    def read(cls, path: Path) -> "File | None":
        """Reads a file; None if there is none. A link is where it points to, never followed."""
        if path.is_symlink():
            return cls(b"link to " + str(path.readlink()).encode() + b"\n", executable=False)
        if not path.is_file():
            return None
        return cls(path.read_bytes(), executable=bool(path.stat().st_mode & 0o100))


def is_same(mine: File, theirs: File, *, seamed: bool) -> bool:
    """Whether a file is that of the template, apart from lines below its seams."""
    if mine.executable != theirs.executable:
        return False
    if mine.content == theirs.content:
        return True
    return seamed and seams.only_below(theirs.content, mine.content)


def difference(path: str, theirs: File, mine: File | None, *, seamed: bool) -> str:
    """The difference of a file from that of the template, for people and `patch`."""
    if mine and mine.content == theirs.content:
        return f"{path}: {'' if mine.executable else 'not '}executable\n"
    before, after = theirs.content, mine.content if mine else b""
    if seamed and mine:
        before = seams.filled(before, after)
    if b"\0" in before + after:
        return f"{path}: {'differs' if mine else 'missing'}, no text\n"
    lines = difflib.diff_bytes(
        difflib.unified_diff,
        *(before.splitlines(keepends=True), after.splitlines(keepends=True)),
        fromfile=f"template/{path}".encode(),
        tofile=f"project/{path}".encode() if mine else b"/dev/null",
    )
    ended = (line if line.endswith(b"\n") else line + UNENDED for line in lines)
    return b"".join(ended).decode(errors="replace")
