"""A project of any earlier release and task keeps every edit when it is updated."""

import functools
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from .support import history, matrix, ownership, rendering
from .support.updating import (
    DELETED,
    LINTER,
    RENAMED,
    SOURCES,
    assert_kept,
    conflicts,
    copy,
    edit,
    edit_further,
    missing_imports,
    turn,
    update,
)

TRACKER = f"{SOURCES}/reporting/tracker.py"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A number of updates that does not grow with the releases; at night, all."""
    if "task" in metafunc.fixturenames:
        cases = matrix.every() if metafunc.config.getoption("nightly") else matrix.chosen()
        ids = [f"{version}-{task}" for version, task in cases]
        metafunc.parametrize(("version", "task"), cases, ids=ids)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template's history with the working tree at its end."""
    return history.clone(tmp_path_factory.mktemp("history") / "copier-jax")


@pytest.fixture(scope="module")
def brought(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], set[str]]:
    """Python files of the template's folders in a new project of a task."""
    folder = tmp_path_factory.mktemp("brought")

    @functools.cache
    def files(task: str) -> set[str]:
        project = rendering.render(template, folder / task, task=task, package_name="kept")
        merged = ownership.spec(ownership.OWNERS["template"])
        return {
            path for path in merged.match_files(rendering.contents(project)) if path[-3:] == ".py"
        }

    return files


def test_nothing_is_lost(
    repository: Path,
    tmp_path: Path,
    brought: Callable[[str], set[str]],
    version: str,
    task: str,
) -> None:
    project = copy(repository, version, tmp_path / "project", task=task, launchers=["slurm"])
    words = edit(project)
    to_come = brought(task) - rendering.contents(project).keys() - {DELETED}
    words |= edit_further(project, to_come)
    answers = turn(project)
    before = rendering.contents(project)
    if (version, task) == matrix.chosen()[0]:
        assert_task_is_fixed(project)
    told = update(project, history.WORKING_TREE, **answers)
    assert_kept(project, words, {TRACKER, *to_come})
    for path in conflicts(project):
        rendering.git(project, "checkout", "--quiet", "--theirs", "--", path)

    after = rendering.contents(project)
    assert before.keys() <= after.keys(), "what an older project's modules import stays"
    assert RENAMED not in after, "a renamed file came back under its old name"
    assert missing_imports(project) == [], "a user's module needs what is gone, or has not come"
    yours = ownership.spec(rendering.SETTINGS["_skip_if_exists"])
    for path in yours.match_files({*before, *after}):
        assert after.get(path) == before.get(path), f"{path} is the user's"
    assert answers.items() <= rendering.recorded(project).items()
    assert {"launch/local.sh", "launch/mine.sh"} <= after.keys()
    if (project / LINTER).exists():
        assert_folder_goes_unless_edited(project, told)
    tools = {path.name for path in (project / "tools").iterdir()}
    assert tools == {".gitattributes", "jaxcheck.pyz"}


def assert_task_is_fixed(project: Path) -> None:
    """Checks that another task is refused, and that nothing has changed then."""
    before = rendering.contents(project)
    with pytest.raises(ValueError, match="'task': This is fixed when a project starts"):
        update(project, history.WORKING_TREE, task="image")
    assert rendering.contents(project) == before


def assert_folder_goes_unless_edited(project: Path, told: str) -> None:
    """Checks the command by which the folder of the linter goes, as releases up to 0.4.1 had it.

    Copier would delete what is edited as well, so an update leaves the folder to this command.
    """
    [command] = re.findall(r"^ +uv run (python tools/jaxcheck .*)", told, re.MULTILINE)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    shell = {"args": ["sh", "-c", command], "cwd": project, "env": {**os.environ, "PATH": path}}
    refused = subprocess.run(**shell, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "  edited: settings.py\n  foreign: rules/item14_mine.py\n" in refused.stderr
    start = rendering.git(project, "rev-list", "--max-parents=0", "HEAD").strip()
    rendering.git(project, "checkout", "--quiet", start, "--", LINTER)
    (project / LINTER / "rules" / "item14_mine.py").unlink()
    subprocess.run(**shell, capture_output=True, check=True)
