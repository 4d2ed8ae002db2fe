"""Releases are read from history; none needs trust, and none drops a path that people edit."""

from pathlib import Path

import pathspec
import pytest
import yaml
from packaging.version import Version

from .support import history, releases, rendering

STATED = releases.tomllib.loads((rendering.ROOT / "pyproject.toml").read_text())["project"]
RELEASES = releases.releases()
UNSAFE = {"_tasks", "_jinja_extensions", "_migrations"}


def make_history(repository: Path, *versions: str | None) -> list[str]:
    """A repository whose commits state these versions in turn (None: no pyproject.toml at all)."""
    repository.mkdir()
    rendering.git(repository, "init", "--quiet")
    for number, version in enumerate(versions):
        (repository / "notes").write_text(f"commit {number}")
        if version is not None:
            (repository / "pyproject.toml").write_text(f'[project]\nversion = "{version}"\n')
        history.commit(repository)
    return rendering.git(repository, "log", "--reverse", "--format=%H").split()


def test_release_is_the_commit_that_changes_the_version(tmp_path: Path) -> None:
    stated = (None, "0.1.0.dev0", "0.1.0", "0.1.0", "0.2.0rc1", "no version", "0.10.0", "0.9.1")
    commits = make_history(tmp_path / "r", *stated)
    found = releases.releases(tmp_path / "r")
    assert [(release.tag, release.commit) for release in found] == [
        ("v0.1.0", commits[2]),
        ("v0.9.1", commits[7]),
        ("v0.10.0", commits[6]),
    ]


def test_version_never_falls_behind_a_release() -> None:
    version = Version(STATED["version"])
    assert all(release.version <= version for release in RELEASES)


def test_changelog_names_every_release() -> None:
    changelog = (rendering.ROOT / "CHANGELOG.md").read_text()
    for version in {Version(STATED["version"]).base_version, *(str(r.version) for r in RELEASES)}:
        assert f"\n## {version}" in changelog


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.tag)
def test_no_release_needs_trust(release: releases.Release) -> None:
    stated = yaml.safe_load(rendering.git(rendering.ROOT, "show", f"{release.commit}:copier.yml"))
    assert not UNSAFE & set(stated)


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.tag)
def test_no_path_leaves_the_template_unguarded(
    release: releases.Release, template: Path, tmp_path: Path
) -> None:
    """Copier deletes an edited file that a release drops, unless `_exclude` names its path."""
    before = history.clone(tmp_path / "before")
    rendering.git(before, "checkout", "--quiet", release.commit)
    given = {"package_name": "guarded", "ci": "github"}
    old = rendering.contents(rendering.render(before, tmp_path / "old", **given))
    new = rendering.contents(rendering.render(template, tmp_path / "new", **given))
    guard = pathspec.GitIgnoreSpec.from_lines(rendering.excluded("update"))
    assert [path for path in old if path not in new and not guard.match_file(path)] == []
