"""Releases are read from history; none needs trust, and none drops a path that people edit."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pathspec
import pytest
import yaml
from packaging.version import Version as Number

from .support import history, ownership, releases, rendering
from .support.imports import Package

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
    stated = Number(STATED["version"])
    assert all(release.version <= stated for release in RELEASES)


def test_changelog_names_every_release() -> None:
    changelog = (rendering.ROOT / "CHANGELOG.md").read_text()
    for version in {Number(STATED["version"]).base_version, *(str(r.version) for r in RELEASES)}:
        assert f"\n## {version}" in changelog


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.tag)
def test_no_release_needs_trust(release: releases.Release) -> None:
    stated = yaml.safe_load(rendering.git(rendering.ROOT, "show", f"{release.commit}:copier.yml"))
    assert not UNSAFE & set(stated)


Render = Callable[[str], dict[str, bytes]]
"""The files of a project of a task."""


def renders(template: Path, folder: Path) -> Render:
    """Renders each task once."""

    @functools.cache
    def render(task: str) -> dict[str, bytes]:
        given = {"task": task, "package_name": "guarded", "ci": "github"}
        return rendering.contents(rendering.render(template, folder / task, **given))

    return render


class Version(NamedTuple):
    """A release, or the working tree."""

    tasks: list[str]
    render: Render
    guard: pathspec.PathSpec
    """What an update to it leaves alone."""


def version(template: Path, folder: Path) -> Version:
    """The version of the template that lies in a folder; of a clone the newest tag would count."""
    settings = yaml.safe_load((template / "copier.yml").read_text())
    guard = ownership.spec(rendering.excluded("update", settings))
    tasks = list(settings["task"]["choices"].values())
    return Version(tasks, renders(template, folder), guard)


@pytest.fixture(scope="module")
def new(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Version:
    """The working tree."""
    return version(template, tmp_path_factory.mktemp("new"))


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Version]:
    """A release by its place in history."""

    @functools.cache
    def unpacked(number: int) -> Version:
        folder = tmp_path_factory.mktemp("old")
        archive, before = folder / "copier-jax.tar", folder / "copier-jax"
        commit = RELEASES[number].commit
        rendering.git(rendering.ROOT, "archive", "--output", str(archive), commit)
        shutil.unpack_archive(archive, before, filter="data")
        return version(before, folder)

    return unpacked


each_release = pytest.mark.parametrize(
    "number", range(len(RELEASES)), ids=[release.tag for release in RELEASES]
)


@each_release
def test_no_path_leaves_the_template_unguarded(
    number: int, released: Callable[[int], Version], new: Version
) -> None:
    """Copier deletes an edited file that a release drops, unless `_exclude` names its path.

    That holds for an update to the next release, and for one that goes over all of them at once.
    """
    old = released(number)
    following = released(number + 1) if number + 1 < len(RELEASES) else new
    for task in old.tasks:
        for later in (following, new):
            left = set(old.render(task)) - set(later.render(task))
            assert left == set(later.guard.match_files(left)), task


@each_release
def test_modules_of_a_release_find_what_they_import(
    number: int, released: Callable[[int], Version], new: Version
) -> None:
    """What an update leaves as it is meets the template's newer modules."""
    old, guard = released(number), new.guard
    for task in old.tasks:
        kept = {path: text for path, text in old.render(task).items() if guard.match_file(path)}
        brought = {
            path: text for path, text in new.render(task).items() if not guard.match_file(path)
        }
        assert Package(kept).modules
        assert Package(brought).modules
        updated = Package(brought | kept)
        assert [each for each in updated.imports() if not updated.resolves(each)] == []
