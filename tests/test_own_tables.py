"""Tables of a project's own at the end of `pyproject.toml` stay, whatever a release adds there."""

from pathlib import Path

import pytest

from copier_jax.command_line import main

from .support import history, rendering
from .support.rendering import git
from .support.small import start, write
from .support.updating import SEAM

FIRST = '[project]\nname = "lab"\n\n[tool.one]\nlevel = 1\n'
SECOND = FIRST.replace("1\n", "2\n") + "\n[tool.two]\nlevel = 1\n# --- yours below ---\n"
OWN = "\n# Of ours.\n[tool.mine]\nkept = true\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of the release before the one that adds a table at the end."""
    template = tmp_path / "copier-jax"
    write(template, **{"{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers|to_yaml }}"})
    write(template, **{"copier.yml": "_exclude: [copier.yml, .git, CHANGELOG.md]\n"})
    write(template, **{"pyproject.toml": FIRST, "CHANGELOG.md": "## 2.0.0\n\nA table.\n"})
    git(template, "init", "--quiet")
    history.commit(template, "v1.0.0")
    write(template, **{"pyproject.toml": SECOND})
    history.commit(template, "v2.0.0")
    monkeypatch.chdir(start(template, tmp_path / "project"))
    return Path.cwd()


def update(project: Path, text: str) -> int:
    """Updates a project with this file by the command."""
    write(project, **{"pyproject.toml": text})
    history.commit(project)
    return main(["update", "--defaults"])


def test_both_sides_only_add_tables(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert update(project, "# Mine.\n" + FIRST + OWN) == 0
    assert (project / "pyproject.toml").read_text() == "# Mine.\n" + SECOND + OWN
    told = capsys.readouterr().out
    assert "conflict" not in told
    assert "pyproject.toml: the release's tables and yours, both at the end, are kept" in told
    assert git(project, "diff", "--name-only", "--diff-filter=U") == ""


CONFLICTS = {
    "the same table": FIRST + "\n[tool.two]\nlevel = 3\n",
    "another edit of the same lines": FIRST.replace("level = 1", "level = 3") + OWN,
    "a key of the last table": FIRST + "mine = true\n" + OWN,
}


@pytest.mark.parametrize("text", CONFLICTS.values(), ids=CONFLICTS)
def test_other_conflicts_are_left(
    project: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert update(project, text) == 1
    assert "conflict: pyproject.toml\n" in capsys.readouterr().out
    assert "<<<<<<< before updating\n" in (project / "pyproject.toml").read_text()


def test_the_marker_is_where_the_file_ends(template: Path, tmp_path: Path) -> None:
    """A release that wrote below it would collide with what projects have there."""
    for task in rendering.choices("task"):
        project = rendering.render(template, tmp_path / task, task=task)
        last = (project / "pyproject.toml").read_text().splitlines()[-1]
        assert last == SEAM, task
