"""The projects of an organisation, as folders and as a list of them."""

import csv
from dataclasses import dataclass
from pathlib import Path

from .project import ANSWERS, Project, UpdateError


@dataclass(frozen=True)
class Member:
    """A clone of a repository, which may be broken in any way."""

    folder: Path
    ci: str = ""
    """The state of its continuous integration, where somebody has looked it up."""

    @property
    def project(self) -> Project:
        """The project in it."""
        return Project(self.folder)


def members(folders: list[Path], listed: Path | None) -> list[Member]:
    """The members in folders and in a list, each of them once, in this order.

    Raises:
        UpdateError: there is no such folder or list, or nothing in it.
    """
    found = [Member(folder) for given in folders for folder in _clones(given)]
    if listed:
        found += _read(listed)
    if not found:
        raise UpdateError("no projects: give folders of clones, or a list of them")
    return list({member.folder.resolve(): member for member in found}.values())


def _clones(folder: Path) -> list[Path]:
    """A clone itself, or the folders in a folder of clones."""
    if not folder.is_dir():
        raise UpdateError(f"{folder} is no folder")
    if (folder / ".git").exists() or (folder / ANSWERS).exists():
        return [folder]
    return sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] != ".")


def _read(listed: Path) -> list[Member]:
    """Reads a list of folders, one a line, or a CSV file with the columns `folder` and `ci`."""
    try:
        lines = listed.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UpdateError(f"{listed} cannot be read: {error}") from None
    rows = list(csv.reader(line for line in lines if line.strip() and line[0] != "#"))
    names = ["folder"]
    if rows and "folder" in rows[0]:
        names = rows.pop(0)
    cells = (dict(zip(names, row, strict=False)) for row in rows)
    return [
        Member(listed.parent / row["folder"], row.get("ci", "")) for row in cells if "folder" in row
    ]
