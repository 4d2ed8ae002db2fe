"""Public checkers find nothing in a project; each is shown to find what it is there for."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .support import history, rendering

EXCEPTIONS = {
    "GH100": "another CI was chosen, or none",
    "GH200": "Renovate looks after actions and packages alike: renovate.json",
    "MY100": "the type checker is basedpyright",
    "PC100": "hooks are local: they run the versions of uv.lock, offline",
    "PC110": "a local hook: ruff format",
    "PC140": "a local hook: basedpyright",
    "PC160": "spelling is checked here, for the template's text; yours is yours",
    "PC170": "no reStructuredText",
    "PC180": "no Markdown formatter: the README is yours to lay out",
    "PC190": "a local hook: ruff check",
    "PC901": "pre-commit.ci cannot run local hooks",
    "PC902": "pre-commit.ci cannot run local hooks",
    "PC903": "pre-commit.ci cannot run local hooks",
    "PY004": "the README says all that there is to say",
    "PY007": "uv runs the tools, with no words in between",
    "SEC001": "the workflow is checked here; it is the template's",
}
"""Checks of sp-repo-review that projects fail, and why that is right."""


def of_each_kind() -> Iterator[rendering.Answers]:
    """A row of answers for each task and architecture, other answers varying."""
    seen = set()
    for row in rendering.combinations():
        kind = (row["task"], row.get("architecture"))
        if kind not in seen:
            seen.add(kind)
            yield row


@pytest.fixture(scope="module", params=of_each_kind(), ids=rendering.label)
def project(
    request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("checked") / "p"
    return rendering.render(template, path, **request.param)


def tool(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a tool of this environment."""
    python = [sys.executable, "-m", *map(str, command)]
    return subprocess.run(python, cwd=cwd, capture_output=True, text=True, check=False)


def failed_checks(project: Path) -> set[str]:
    """The checks of sp-repo-review that the project fails."""
    told = tool("repo_review", project, "--format", "json", cwd=project)
    checks = json.loads(told.stdout)["checks"]
    assert sum(check["result"] is True for check in checks.values()) > 20
    return {code for code, check in checks.items() if check["result"] is False}


def build(project: Path, into: Path) -> list[Path]:
    """The wheel, then the source distribution, built without network."""
    built = tool("hatchling", "build", "--directory", into, cwd=project)
    assert built.returncode == 0, built.stderr
    return sorted(into.iterdir())


def misspelt(folder: Path, *paths: str) -> str:
    """What codespell says of the files, with this repository's list of exceptions."""
    settings = ("--toml", rendering.ROOT / "pyproject.toml")
    return tool("codespell_lib", *settings, *paths, cwd=folder).stdout


def test_repository_review_finds_nothing_else(project: Path) -> None:
    assert failed_checks(project) <= set(EXCEPTIONS)


def test_exceptions_are_needed(template: Path, tmp_path: Path) -> None:
    project = rendering.render(template, tmp_path / "p")
    elsewhere = rendering.render(template, tmp_path / "q", ci="none")
    assert failed_checks(project) | failed_checks(elsewhere) == set(EXCEPTIONS)
    (project / "README.md").unlink()
    assert failed_checks(project) - set(EXCEPTIONS) == {"PY002"}


def test_metadata_is_valid(project: Path) -> None:
    stated = project / "pyproject.toml"
    checked = tool("validate_pyproject", stated, cwd=project)
    assert checked.returncode == 0, checked.stderr
    broken = project.with_name("pyproject.toml")
    broken.write_text(stated.read_text().replace('requires-python = ">=', 'requires-python = ">'))
    broken.write_text(broken.read_text().replace('version = "0.1.0"', 'version = "first"'))
    assert tool("validate_pyproject", broken, cwd=project).returncode != 0


def test_distributions_are_complete(project: Path, tmp_path: Path) -> None:
    wheel, source = build(project, tmp_path / "dist")
    for checker in (("check_wheel_contents", wheel), ("twine", "check", "--strict", source, wheel)):
        checked = tool(*checker, cwd=project)
        assert checked.returncode == 0, checked.stdout
    package = rendering.answers_of(project)["package_name"]
    modules = {
        f"{package}/{path.relative_to(project / 'src' / package).as_posix()}"
        for path in (project / "src").rglob("*.py")
    }
    assert modules <= set(zipfile.ZipFile(wheel).namelist())


def test_distributions_that_are_not_complete_are_noticed(template: Path, tmp_path: Path) -> None:
    project = rendering.render(template, tmp_path / "p")
    history.replace(project / "pyproject.toml", 'readme = "README.md"\n', "")
    history.replace(
        project / "pyproject.toml",
        'packages = ["src/my_lab"]',
        'packages = ["src/my_lab", "tests"]',
    )
    wheel, source = build(project, tmp_path / "dist")
    assert "W005" in tool("check_wheel_contents", wheel, cwd=project).stdout
    assert tool("twine", "check", "--strict", source, wheel, cwd=project).returncode != 0


def test_spelling_of_projects(project: Path) -> None:
    assert misspelt(project, "README.md", "pyproject.toml", "src", "tests") == ""


def test_spelling_of_this_repository(tmp_path: Path) -> None:
    files = [str(path) for path in rendering.working_files() if path.parts[0] != "template"]
    assert misspelt(rendering.ROOT, *files) == ""
    (tmp_path / "note.md").write_text("The end.\n".replace("he", "eh", 1))
    assert "==> The" in misspelt(tmp_path, "note.md")
