"""Releases are read from history; none needs trust, and none drops a path that people edit."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

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


Render = Callable[[str], dict[str, bytes]]
"""The files of a project of a task."""


def renders(template: Path, folder: Path) -> Render:
    """Renders each task once."""

    @functools.cache
    def render(task: str) -> dict[str, bytes]:
        given = {"task": task, "package_name": "guarded", "ci": "github"}
        return rendering.contents(rendering.render(template, folder / task, **given))

    return render


@pytest.fixture(scope="module")
def new(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Render:
    """Projects of the working tree."""
    return renders(template, tmp_path_factory.mktemp("new"))


@pytest.fixture(scope="module", params=RELEASES, ids=lambda release: release.tag)
def old(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Render, list[str]]:
    """Projects of a release, and the tasks that it has."""
    folder = tmp_path_factory.mktemp("old")
    archive, before = folder / "copier-jax.tar", folder / "copier-jax"
    rendering.git(rendering.ROOT, "archive", "--output", str(archive), request.param.commit)
    shutil.unpack_archive(
        archive, before, filter="data"
    )  # a folder: of a clone the newest tag counts
    questions = yaml.safe_load((before / "copier.yml").read_text())
    tasks = list(questions["task"]["choices"].values()) if "task" in questions else ["language"]
    return renders(before, folder), tasks


def test_no_path_leaves_the_template_unguarded(old: tuple[Render, list[str]], new: Render) -> None:
    """Copier deletes an edited file that a release drops, unless `_exclude` names its path."""
    guard, (render, tasks) = ownership.spec(rendering.excluded("update")), old
    for task in tasks:
        left = set(render(task)) - set(new(task))
        assert left == set(guard.match_files(left)), task


def test_modules_of_a_release_find_what_they_import(
    old: tuple[Render, list[str]], new: Render
) -> None:
    """What an update leaves as it is meets the template's newer modules."""
    guard, (render, tasks) = ownership.spec(rendering.excluded("update")), old
    for task in tasks:
        kept = {path: text for path, text in render(task).items() if guard.match_file(path)}
        brought = {path: text for path, text in new(task).items() if not guard.match_file(path)}
        assert Package(kept).modules
        assert Package(brought).modules
        updated = Package(brought | kept)
        assert [each for each in updated.imports() if not updated.resolves(each)] == []
