"""The manifest of a copy of jaxcheck: which files belong to it, and what is in them.

`jaxcheck --verify` compares a copy with its `MANIFEST.sha256`. That file is written anew by
`python -m jaxcheck.running.manifest`, for the repository that jaxcheck comes from only.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1]
NAME = "MANIFEST.sha256"


@dataclass(frozen=True)
class Differences:
    """How a copy differs from its manifest, by path.

    Attributes:
        missing: Files that are not there.
        edited: Files with another content.
        foreign: Files that do not belong to it.
    """

    missing: list[str]
    edited: list[str]
    foreign: list[str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.edited or self.foreign)


def differences(folder: Path = FOLDER) -> Differences | None:
    """Compares a copy with its manifest; None if it has none that can be read."""
    try:
        stated = _read((folder / NAME).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    actual = hashes(folder)
    return Differences(
        missing=sorted(stated.keys() - actual.keys()),
        edited=sorted(name for name in stated.keys() & actual if stated[name] != actual[name]),
        foreign=sorted(actual.keys() - stated.keys()),
    )


def advice(found: Differences | None, folder: Path = FOLDER) -> str:
    """Returns what is wrong with a copy and what to do about it; empty if nothing is."""
    here = Path.cwd()
    shown = folder.relative_to(here).as_posix() if folder.is_relative_to(here) else folder
    if found is None:
        lines = [f"{shown}/{NAME} is missing or damaged."]
    elif not found:
        return ""
    else:
        lines = [f"The copy of jaxcheck in {shown} is not as it was delivered:"]
        for what in ("missing", "edited", "foreign"):
            lines += [f"  {what}: {name}" for name in getattr(found, what)]
    lines += [
        f"Restore it: `git log -- {shown}` shows the commit that changed it, and `git checkout "
        f"COMMIT~ -- {shown}` brings back what was there; `uvx copier update` brings the newest.",
        "What your project alone knows (names of dimensions, helpers, exceptions) belongs into "
        "[tool.jaxcheck] of pyproject.toml, and rules that are wrong into a report.",
    ]
    return "\n".join(lines) + "\n"


def hashes(folder: Path = FOLDER) -> dict[str, str]:
    """Returns the SHA-256 of every file of a copy by its path, line ends counting as LF."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(
            path.read_bytes().replace(b"\r\n", b"\n")
        ).hexdigest()
        for path in _files(folder)
    }


def write(folder: Path = FOLDER) -> None:
    """Writes the manifest of a copy as it stands, in the format of `sha256sum`."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(hashes(folder).items())]
    (folder / NAME).write_text("".join(lines), encoding="utf-8", newline="\n")


def _read(text: str) -> dict[str, str]:
    stated: dict[str, str] = {}
    for line in text.splitlines():
        digest, gap, name = line.partition("  ")
        if not gap or len(digest) != 64:
            raise ValueError(f"not a line of a manifest: {line}")
        stated[name] = digest
    if not stated:
        raise ValueError("an empty manifest")
    return stated


def _files(folder: Path) -> Iterator[Path]:
    """Yields the files of a copy but its manifest, caches and hidden ones."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
        if path.is_file() and not hidden and parts != (NAME,):
            yield path


if __name__ == "__main__":
    write()
