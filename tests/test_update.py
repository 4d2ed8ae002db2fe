"""An update keeps every edit, needs no trust, and delivers what the release changed."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import copier
import pytest

from .support import history, rendering
from .support.updating import (
    DEPENDENCY,
    LINTER,
    SOURCES,
    assert_kept,
    copy,
    edit,
    update,
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template's history with the working tree and one further release at its end."""
    repository = history.clone(tmp_path_factory.mktemp("history") / "copier-jax")
    history.release_something(repository)
    return repository


def jaxcheck(project: Path, *arguments: str) -> int:
    """Runs a project's linter and returns its exit status."""
    command = [sys.executable, "tools/jaxcheck.pyz", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, check=False).returncode


def test_a_project_older_than_the_linter_adopts_it(repository: Path, tmp_path: Path) -> None:
    project = copy(repository, "v0.1.0", tmp_path / "project")
    assert not (project / "tools").exists()
    update(project, history.WORKING_TREE)

    assert jaxcheck(project, "--verify") == 0
    assert jaxcheck(project) == 1, "its own modules were written before the linter"
    assert jaxcheck(project, "--write-baseline") == 0
    assert jaxcheck(project) == 0
    history.append(project / SOURCES / "model.py", "\n\nkey = jax.random.PRNGKey(0)\n")
    assert jaxcheck(project) == 1, "what is new is not tolerated"


def test_a_file_that_left_the_template_stays(repository: Path, tmp_path: Path) -> None:
    """And what took its place does not come beside it."""
    project = copy(repository, "v0.4.1", tmp_path / "project", task="image")
    left, test = project / SOURCES / "reporting" / "confusion.py", "tests/test_confusion.py"
    history.append(left, "\n\n# token_left\n")
    history.commit(project)
    before = rendering.contents(project)
    update(project, history.WORKING_TREE)
    assert "token_left" in left.read_text()
    assert (project / test).read_bytes() == before[test]
    assert not (project / SOURCES / "confusion.py").exists()


def test_update_to_a_release_that_touches_everything(repository: Path, tmp_path: Path) -> None:
    project = copy(repository, history.WORKING_TREE, tmp_path / "project")
    words = edit(project)
    linter = project / "tools" / "jaxcheck.pyz"
    linter.write_bytes(linter.read_bytes().replace(b"batch", b"Batch", 1))
    history.commit(project)
    before = rendering.contents(project)
    assert jaxcheck(project, "--verify") == 1
    told = update(project)
    assert_kept(project, words)
    assert "git diff --name-only --diff-filter=U" in told
    assert rendering.answers_of(project)["_commit"] == history.NEXT

    needs = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {DEPENDENCY, "einops>=0.8,<0.9", "tqdm>=4.68,<5"} <= set(needs)
    assert "released: merged" in (project / SOURCES / "errors.py").read_text()
    assert (project / SOURCES / "training" / "added.py").exists()
    assert "/released/" in (project / ".gitignore").read_text()
    # Git cannot merge an archive, so it is replaced, and the update says so.
    assert "tools/jaxcheck.pyz is replaced" in told
    assert f"{LINTER} --verify" not in told, "there is no folder that could go"
    assert b"# released: replaced" in linter.read_bytes()
    assert jaxcheck(project, "--verify") == 0
    after = rendering.contents(project)
    yours = [f"{SOURCES}/{name}.py" for name in ("data", "experiments", "model", "objective")]
    assert all(after[path] == before[path] for path in [*yours, "README.md"])


def test_update_to_the_same_release_changes_nothing(repository: Path, tmp_path: Path) -> None:
    project = copy(repository, history.NEXT, tmp_path / "project")
    edit(project)
    before = rendering.contents(project)
    update(project)
    assert rendering.contents(project) == before


def test_answers_change_without_a_release(repository: Path, tmp_path: Path) -> None:
    project = copy(repository, history.WORKING_TREE, tmp_path / "project")
    rendering.git(project, "rm", "-r", "--quiet", ".github", "renovate.json")
    words = edit(project)
    update(project, copier.VcsRef.CURRENT, ci="none", python_floor="3.12")
    assert_kept(project, words)
    assert rendering.answers_of(project)["_commit"] == history.WORKING_TREE
    assert not (project / ".github").exists()
    assert rendering.recorded(project)["ci"] == "none"
    stated = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    assert stated["requires-python"] == ">=3.12"


def test_copy_from_a_plain_folder_needs_no_trust(template: Path, tmp_path: Path) -> None:
    result = rendering.command("copy", "--defaults", template, tmp_path / "project", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "_commit" not in rendering.answers_of(tmp_path / "project")
    assert "uv sync" in result.stderr


HOSTILE = {
    "code in YAML": lambda answers: answers + "x: !!python/object/apply:os.system ['touch ran']\n",
    "code in a name and a path": lambda answers: edited(
        edited(answers, "description", "{{ cycler.__init__.__globals__.os.system('touch ran') }}"),
        *("package_name", "{{ self.__init__.__globals__.__builtins__.open('ran', 'w') }}"),
    ),
    "a path outside": lambda answers: edited(answers, "package_name", "../../outside"),
    "a template with tasks": lambda answers: edited(answers, "_src_path", "../evil"),
    "a command as source": lambda answers: edited(
        answers, "_src_path", "git+ext::sh -c touch% ran% %S"
    ),
    "an option as source": lambda answers: edited(answers, "_src_path", "--upload-pack=touch ran"),
    "an option as release": lambda answers: edited(answers, "_commit", "--upload-pack=touch ran"),
    "endless aliases": lambda answers: (
        answers
        + "a0: &a0 [1, 1]\n"
        + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))
    ),
}


def edited(answers: str, name: str, value: str) -> str:
    """Answers with another value of one."""
    changed, count = re.subn(f"(?m)^{name}: .*$", lambda _: f"{name}: {value!r}", answers)
    assert count == 1
    return changed


@pytest.mark.parametrize("kind", HOSTILE)
def test_answers_of_others_run_nothing(repository: Path, tmp_path: Path, kind: str) -> None:
    """Nothing is run, and nothing is written beside the project."""
    project = copy(repository, history.NEXT, tmp_path / "project")
    evil = tmp_path / "evil"
    evil.mkdir()
    (evil / "copier.yml").write_text('_tasks: ["touch ran ../ran"]\n')
    rendering.git(evil, "init", "--quiet")
    history.commit(evil)
    answers = project / ".copier-answers.yml"
    answers.write_text(HOSTILE[kind](answers.read_text()))
    history.commit(project)
    before = sorted(tmp_path.iterdir())
    rendering.command("update", "--defaults", "--skip-answered", cwd=project)
    assert sorted(tmp_path.iterdir()) == before
    assert not list(tmp_path.rglob("ran"))
