"""An update keeps every edit, needs no trust, and delivers what the release changed."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from .support import history, releases, rendering
from .support.rendering import git

PACKAGE = "kept"
SOURCES = f"src/{PACKAGE}"
DELETED = f"{SOURCES}/parallel/rules.py"
ANSWERS = ("--defaults", "--data", "project_name=Kept", "--data", f"package_name={PACKAGE}")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template's history with the working tree and one further release at its end."""
    repository = history.clone(tmp_path_factory.mktemp("history") / "copier-jax")
    history.release_something(repository)
    return repository


def copy(repository: Path, version: str, project: Path) -> Path:
    """Starts a project from a release, as a user would, and commits it."""
    result = rendering.command(
        "copy", *ANSWERS, "--vcs-ref", version, repository, project, cwd=project.parent
    )
    assert result.returncode == 0, result.stderr
    git(project, "init", "--quiet")
    history.commit(project)
    return project


def edit(project: Path) -> dict[str, str]:
    """Edits a project in the ways that people do: path to a word that must survive there."""
    rewritten = {"README.md": "token-readme", f"{SOURCES}/model.py": "token_model"}
    extended = {
        ".gitignore": "token_ignored",
        ".pre-commit-config.yaml": "token_hook",
        f"{SOURCES}/data.py": "token_data",
        f"{SOURCES}/mine.py": "token_new_module",
        f"{SOURCES}/training/mine.py": "token_new_file_in_a_folder_of_the_template",
        "tests/test_mine.py": "token_new_test",
    }
    opened = {f"{SOURCES}/errors.py": "token_errors", "pyproject.toml": "token_project"}
    for path, word in rewritten.items():
        (project / path).write_text(f"# {word}: from scratch\n")
    for path, word in extended.items():
        history.append(project / path, f"# {word}\n")
    for path, word in opened.items():
        (project / path).write_text(f"# {word}\n{(project / path).read_text()}")
    stated = (project / "pyproject.toml").read_text()
    marker = re.compile(r"(    # --- your dependencies below this line.*\n)")
    (project / "pyproject.toml").write_text(marker.sub(r'\1    "zarr>=3",\n', stated, count=1))
    (project / DELETED).unlink()
    history.commit(project)
    return rewritten | extended | opened | {"pyproject.toml": "zarr>=3"}


def update(project: Path, *arguments: str) -> str:
    """Updates a project without trust and returns what copier prints."""
    result = rendering.command("update", "--defaults", *arguments, cwd=project)
    assert result.returncode == 0, result.stderr
    return result.stderr


def assert_kept(project: Path, words: dict[str, str]) -> None:
    """Checks that every edit stands where it was made and that no file was left half merged."""
    for path, word in words.items():
        assert word in (project / path).read_text(), path
    assert not (project / DELETED).exists(), "a deleted file came back"
    assert git(project, "diff", "--name-only", "--diff-filter=U") == ""
    assert not [path for path in rendering.contents(project) if path.endswith((".rej", ".orig"))]
    tomllib.loads((project / "pyproject.toml").read_text())


@pytest.mark.parametrize(
    "version", [release.tag for release in releases.releases()] or [history.WORKING_TREE]
)
def test_update_to_the_working_tree(repository: Path, tmp_path: Path, version: str) -> None:
    project = copy(repository, version, tmp_path / "project")
    words = edit(project)
    update(project, "--vcs-ref", history.WORKING_TREE)
    assert_kept(project, words)


def test_a_project_older_than_the_linter_adopts_it(repository: Path, tmp_path: Path) -> None:
    project = copy(repository, "v0.1.0", tmp_path / "project")
    assert not (project / "tools").exists()
    update(project, "--vcs-ref", history.WORKING_TREE)

    def jaxcheck(*arguments: str) -> int:
        command = [sys.executable, "tools/jaxcheck", *arguments]
        return subprocess.run(command, cwd=project, capture_output=True, check=False).returncode

    assert jaxcheck("--verify") == 0
    assert jaxcheck() == 1, "its own modules were written before the linter"
    assert jaxcheck("--write-baseline") == 0
    assert jaxcheck() == 0
    history.append(project / SOURCES / "model.py", "\n\nkey = jax.random.PRNGKey(0)\n")
    assert jaxcheck() == 1, "what is new is not tolerated"


def test_update_to_a_release_that_touches_everything(repository: Path, tmp_path: Path) -> None:
    project = copy(repository, history.WORKING_TREE, tmp_path / "project")
    words = edit(project)
    before = rendering.contents(project)
    told = update(project)
    assert_kept(project, words)
    assert "git diff --name-only --diff-filter=U" in told
    assert rendering.answers_of(project)["_commit"] == history.NEXT

    needs = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {"zarr>=3", "einops>=0.8,<0.9", "tqdm>=4.68,<5"} <= set(needs)
    assert "released: merged" in (project / SOURCES / "errors.py").read_text()
    assert (project / SOURCES / "training" / "added.py").exists()
    assert "/released/" in (project / ".gitignore").read_text()
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
    words = edit(project)
    given = ("--data", "ci=none", "--data", "python_floor=3.12")
    update(project, "--vcs-ref", ":current:", "--skip-answered", *given)
    assert_kept(project, words)
    assert rendering.answers_of(project)["_commit"] == history.WORKING_TREE
    assert not (project / ".github").exists()
    stated = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    assert stated["requires-python"] == ">=3.12"


def test_copy_from_a_plain_folder_needs_no_trust(template: Path, tmp_path: Path) -> None:
    result = rendering.command("copy", *ANSWERS, template, tmp_path / "project", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "_commit" not in rendering.answers_of(tmp_path / "project")
    assert "uv sync" in result.stderr
