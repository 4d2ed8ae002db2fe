"""The releases of the template, read from the history of `pyproject.toml`.

The commit that changes the version is the release, so a clone needs no tags to know them all.
"""

import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Release:
    """One released version of the template and the commit that made it."""

    version: Version
    commit: str

    @property
    def tag(self) -> str:
        """The name of its tag."""
        return f"v{self.version}"


def git(repository: Path, *arguments: str) -> str:
    """Runs git in `repository` and returns what it prints."""
    return subprocess.run(
        ["git", *arguments], cwd=repository, check=True, capture_output=True, text=True
    ).stdout


def version_at(repository: Path, commit: str) -> Version | None:
    """The version that `pyproject.toml` states at `commit`; None if it states none that counts."""
    try:
        stated = tomllib.loads(git(repository, "show", f"{commit}:pyproject.toml"))
        return Version(stated["project"]["version"])
    except (subprocess.CalledProcessError, tomllib.TOMLDecodeError, KeyError, InvalidVersion):
        return None


def releases(repository: Path = ROOT) -> list[Release]:
    """Every release in the history of HEAD, oldest first; versions under development are none."""
    found: dict[Version, Release] = {}
    history = git(repository, "log", "--reverse", "--format=%H", "HEAD", "--", "pyproject.toml")
    for commit in history.split():
        version = version_at(repository, commit)
        if version is not None and not version.is_prerelease and version not in found:
            found[version] = Release(version, commit)
    return sorted(found.values(), key=lambda release: release.version)


def tag_all() -> None:
    """Makes an annotated tag for each release that has none, and says so."""
    present = set(git(ROOT, "tag", "--list").split())
    for release in releases():
        if release.tag in present:
            print(f"{release.tag} exists")
        else:
            message = f"copier-jax {release.version}"
            git(ROOT, "tag", "--annotate", "--message", message, release.tag, release.commit)
            print(f"{release.tag} made; publish it with: git push origin {release.tag}")
