"""The release that `pyproject.toml` states before it is committed, and the tags of those that are.

Run as a program, this prepares the one and makes the others.
"""

import re
import sys
import tomllib

from packaging.version import Version

from . import releases
from .contract import broken
from .releases import ROOT, Release

UPGRADING = ROOT / "docs" / "upgrading.md"
NOTHING = "## Unreleased\n\nNothing to do.\n"


def too_small(last: Release, version: Version, commit: str = "HEAD") -> list[str]:
    """What a version breaks that may not: while it is 0.x, a new minor one may, later a major one.

    Args:
        last: the release before it.
        version: the version.
        commit: the commit that it is made of.
    """
    counted = 1 if version.major == 0 else 0
    if version.release[: counted + 1] > last.version.release[: counted + 1]:
        return []
    return broken(last.commit, commit)


def promote(text: str, version: Version) -> str:
    """The upgrading notes with what was unreleased as the section of a version."""
    if f"\n## {version}\n" in text:
        return text
    return re.sub(r"^## Unreleased\n", f"{NOTHING}\n## {version}\n", text, count=1, flags=re.M)


def prepare() -> None:
    """Checks a version that no commit states yet, and gives the upgrading notes its section.

    Raises:
        SystemExit: the version is not above the last release, or too small for what it breaks.
    """
    version = Version(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
    *_, last = releases.releases()
    if version.is_prerelease or version == last.version:
        return
    if version < last.version:
        sys.exit(f"pyproject.toml states {version}, and {last.version} is released")
    if found := too_small(last, version):
        listed = "".join(f"\n  {each}" for each in found)
        sys.exit(f"{version} is too small a step from {last.version}, which has:{listed}")
    UPGRADING.write_text(promote(UPGRADING.read_text(), version))
    print(f"{UPGRADING.relative_to(ROOT)} has a section {version}; commit, then nox -s release")


if __name__ == "__main__":
    prepare()
    releases.tag_all()
