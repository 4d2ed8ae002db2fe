"""What nothing that is merely read may make a program do."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

FORBIDDEN = {
    *("os.exec", "os.fork", "os.posix_spawn", "os.system", "subprocess.Popen"),
    *("pickle.find_class", "socket.connect", "webbrowser.open"),
}

_lists: list[list[str]] = []


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if _lists and event in FORBIDDEN:
        _lists[-1].append(f"{event}: {arguments}")


sys.addaudithook(_note)  # which cannot be taken away again


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Fail if a program is started, a class unpickled or a connection made."""
    _lists.append([])
    try:
        yield
    finally:
        seen = _lists.pop()
    assert seen == [], seen


@contextlib.contextmanager
def unchanged(folder: Path) -> Iterator[None]:
    """Fail if a file below the folder, but for locks, is written, made or removed."""

    def content() -> dict[Path, bytes | None]:
        found = [path for path in folder.rglob("*") if path.name != ".lock"]
        return {path: path.read_bytes() if path.is_file() else None for path in found}

    before = content()
    yield
    assert content() == before
