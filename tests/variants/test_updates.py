"""A project of any earlier release works on after the update: clean, and its own tests pass."""

from pathlib import Path

import pytest

from ..support import history, interpreters, releases, updating
from . import projects
from .projects import Project

NEEDS_BASELINE = {"v0.1.0"}
"""Releases older than jaxcheck: what its rules say of a project's own modules is tolerated."""

PYTHONS = list(interpreters.ends().values())
HEAD = releases.git(releases.ROOT, "rev-parse", "HEAD").strip()
UPDATES = [
    pytest.param(
        release.tag,
        PYTHONS[number % len(PYTHONS)],
        id=f"from {release.tag}",
        marks=pytest.mark.xdist_group(f"from {release.tag}"),
    )
    for number, release in enumerate(releases.releases())
    if release.commit != HEAD  # nothing has changed since
]


@pytest.mark.parametrize(("version", "python"), UPDATES)
def test_updated_project_passes_its_own_checks(
    tmp_path: Path, compiled: Path, version: str, python: str
) -> None:
    repository = history.clone(tmp_path / "copier-jax")
    project = Project(updating.copy(repository, version, tmp_path / "kept"), updating.PACKAGE)
    projects.install(project.path, python)
    words = updating.edit(project.path)
    updating.update(project.path, "--vcs-ref", history.WORKING_TREE)
    updating.assert_kept(project.path, words)

    projects.install(project.path, python)  # with what the update and the edits brought
    if version in NEEDS_BASELINE:
        assert project.attempt("python", "tools/jaxcheck").returncode == 1
        project.tool("python", "tools/jaxcheck", "--write-baseline")
    history.commit(project.path)
    project.tool("pre-commit", "run", "--all-files")
    project.tool("pytest", "-q", JAX_COMPILATION_CACHE_DIR=str(compiled))
    assert project.changes() == ""
