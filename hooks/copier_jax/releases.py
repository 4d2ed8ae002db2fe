"""The releases of the template that a project comes from, and their notes."""

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

from .project import ANSWERS, UpdateError, git

MOVED = f"If the template has moved, say where to in _src_path of {ANSWERS}."
SHORT = {"gh:": "https://github.com/", "gl:": "https://gitlab.com/"}


def address(recorded: str) -> str:
    """What git takes for the address that Copier has recorded."""
    for prefix, site in SHORT.items():
        if recorded.startswith(prefix):
            return site + recorded.removeprefix(prefix).lstrip("/")
    return recorded.removeprefix("git+")


def version(tag: str) -> Version | None:
    """The version that a tag names; None for other tags, commits and prereleases."""
    try:
        named = Version(tag)
    except InvalidVersion:
        return None
    return None if named.is_prerelease else named


@dataclass(frozen=True)
class Template:
    """A bare clone of the template."""

    folder: Path
    source: str

    @classmethod
    def clone(cls, recorded: str, folder: Path, hint: str = MOVED) -> "Template":
        """Clones the template from the address that a project records into `folder`."""
        try:
            git(folder.parent, "clone", "--quiet", "--bare", "--", address(recorded), str(folder))
        except UpdateError as error:
            raise UpdateError(f"{error}\n{hint}") from None
        return cls(folder, recorded)

    def tags(self) -> list[str]:
        """The tags of its releases, oldest first."""
        tags = [tag for tag in git(self.folder, "tag", "--list").split() if version(tag)]
        return sorted(tags, key=Version)

    def newest(self) -> str:
        """The tag of the newest release.

        Raises:
            UpdateError: there is none.
        """
        if not (tags := self.tags()):
            raise UpdateError(f"{self.source} has no release tags: its owner makes them")
        return tags[-1]

    def since(self, commit: str) -> list[str]:
        """The tags of the releases after the one that a project records.

        Raises:
            UpdateError: there is no release, or what the project records is none.
        """
        self.newest()
        # An abbreviated commit may have no letters; the tag of a release may have been deleted.
        is_commit = re.fullmatch("[0-9]{7,40}", commit) and commit not in self.tags()
        current = None if is_commit else version(commit)
        if current is None:
            base = git(self.folder, "describe", "--tags", "--abbrev=0", commit).strip()
            raise UpdateError(
                f"this project records the commit {commit} and no release, and Copier never "
                f"goes back to an older release. {base} is the last one before it; "
                f"record that, and commit:\n"
                f"  sed -i.old 's/^_commit: .*/_commit: {base}/' {ANSWERS} && rm {ANSWERS}.old"
            )
        return [tag for tag in self.tags() if Version(tag) > current]

    def notes(self, tag: str) -> str:
        """What the changelog says of a release."""
        changelog = git(self.folder, "show", f"{tag}:CHANGELOG.md")
        number = re.escape(str(Version(tag)))
        found = re.search(rf"^## {number}\b.*?(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
        return found[0].strip() if found else f"## {tag}"
