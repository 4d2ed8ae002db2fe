"""A project of any earlier release works on after the update: clean, and its own tests pass."""

from pathlib import Path

import pytest

from ..support import history, interpreters, releases, updating
from ..support.ownership import OWNERS
from . import projects
from .projects import Project

NEEDS_BASELINE = {"v0.1.0"}
"""Releases older than jaxcheck: what its rules say of a project's own modules is tolerated."""

MEETING = [f"tests/test_{name}.py" for name in ("command_line", "mine")]
"""Tests of a project in which all of a user's modules meet those that an update brings."""
SEEDED = [path for path in OWNERS["seeded"] if path.startswith("tests/")]
"""Those of the user's modules: by day for the oldest release, whose modules differ most from the
library's."""
LONGEST = [f"tests/test_{name}.py" for name in ("conventions", "resume", "training")]
"""At night, further ones for the oldest release."""

PYTHONS = list(interpreters.ends().values())
HEAD = releases.git(releases.ROOT, "rev-parse", "HEAD").strip()
EARLIER = [release.tag for release in releases.releases() if release.commit != HEAD]
ENDS = {*EARLIER[:1], *EARLIER[-1:]}
"""Those on every change, or the time would grow with each release; `tests/test_update_matrix.py`
updates from some others, and `nox -s nightly` from all."""
UPDATES = [
    pytest.param(
        tag,
        PYTHONS[0 if tag == EARLIER[0] else -1],
        id=f"from {tag}",
        marks=[
            pytest.mark.xdist_group(f"from {tag}"),
            *([] if tag in ENDS else [pytest.mark.nightly]),
        ],
    )
    for tag in EARLIER
]


@pytest.mark.parametrize(("version", "python"), UPDATES)
def test_updated_project_passes_its_own_checks(
    tmp_path: Path, environments: Path, nightly: bool, version: str, python: str
) -> None:
    """Those of its own tests pass that an update can make fail.

    An update can break what is between the user's older modules and the newer library. The tests
    that came with the modules see it, and those that prepare, train and evaluate with them. The
    others are of the library alone, which is the same in a new project.
    """
    repository = history.clone(tmp_path / "copier-jax")
    path = updating.copy(repository, version, tmp_path / "kept")
    projects.lock(path, python)
    words = updating.edit(path)
    updating.update(path, history.WORKING_TREE)
    updating.assert_kept(path, words)

    project = Project(path, updating.PACKAGE, projects.install(path, python, environments))
    if version in NEEDS_BASELINE:
        assert project.attempt("python", "tools/jaxcheck.pyz").returncode == 1
        project.tool("python", "tools/jaxcheck.pyz", "--write-baseline")
    history.commit(path)
    project.tool("pre-commit", "run", "--all-files")
    project.tool("python", "tools/jaxcheck.pyz", "--verify")
    is_oldest = version == EARLIER[0]
    chosen = [*MEETING, *(SEEDED if nightly or is_oldest else [])]
    chosen += LONGEST if nightly and is_oldest else []
    project.tests(*(name for name in chosen if (path / name).exists()))
    assert project.changes() == ""
