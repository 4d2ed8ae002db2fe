"""A repository that was not made from the template adopts it, keeps what it has, and is updated."""

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import copier
import pytest

from copier_jax.command_line import main

from .support import history, rendering
from .support.rendering import git
from .support.small import write

OLD, NEW = "v9000.0.0", "v9001.0.0"
FINDING = (
    "import jax\n\n\ndef noise():\n    return jax.random.normal(jax.random.PRNGKey(0), (3,))\n"
)
STATED = """\
[project]
name = "theirs"
version = "3.1"
dynamic = ["readme"]
license = { text = "Ours" }
requires-python = ">=3.9"
keywords = ["token_keywords"]
dependencies = [
    "numpy<2",
    "humanize>=4.9,<5", # token_dependency
]

[project.scripts]
theirs = "theirs.cli:main"

[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[dependency-groups]
dev = ["pytest", "hypothesis"]
docs = ["mkdocs"]

[tool.mypy]
strict = true # token_mypy

[tool.ruff]
line-length = 88

[tool.pytest.ini_options]
markers = ["token_marker: takes long"]
"""
ANSWERS = ("--defaults", "--data", "package_name=theirs_training")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template of the working tree as a release, and one that follows it."""
    folder = rendering.export(tmp_path_factory.mktemp("source") / "copier-jax")
    write(folder, **{"CHANGELOG.md": f"## {NEW[1:]}\n\nMore.\n"})
    git(folder, "init", "--quiet")
    history.commit(folder, OLD)
    history.append(folder / "template/src/{{ package_name }}/errors.py", "\n\n# released\n")
    stated = folder / "template/pyproject.toml.jinja"
    history.replace(stated, '"tqdm>=4.67,<5"', '"tqdm>=4.68,<5"')
    history.commit(folder, NEW)
    return folder


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with modules, a package and one in `src`; the current folder."""
    files = {
        ".gitignore": "# token_ignored\n*.ckpt\n__pycache__/\n/runs/\n",
        "pyproject.toml": STATED,
        "README.md": "# token_readme\n",
        "train.py": FINDING,
        "theirs/__init__.py": "",
        "theirs/models.py": FINDING,
        "src/shapes/__init__.py": "",
        "data/load.py": "# token_load\n",
        "tests/test_theirs.py": "# token_test\n",
    }
    folder = tmp_path / "theirs"
    for path, text in files.items():
        history.append(folder / path, text)
    git(folder, "init", "--quiet")
    history.commit(folder)
    monkeypatch.chdir(folder)
    return folder


def test_it_keeps_what_it_has_and_is_updated(
    source: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rendering.contents(repository)
    assert main(["adopt", str(source), "--to", OLD, *ANSWERS]) == 0
    told = capsys.readouterr().out
    assert "conflict: README.md\n" in told
    assert told.count("conflict: ") == 1
    assert "ignored from now on, though git has it: data/load.py\n" in told
    assert f"{source} is recorded as the place of the template" in told
    for given in ('project.requires-python = ">=3.9"', "project.dependencies: numpy<2"):
        assert f"the template's stands instead of {given}\n" in told
    git(repository, "add", "README.md")
    assert main(["verify"]) == 1, "marked as resolved, with its markers"
    git(repository, "checkout", "HEAD", "--", "README.md")
    assert main(["verify"]) == 0
    git(repository, "commit", "--quiet", "--no-edit")
    assert_kept(repository, before)

    copier.run_update(repository, defaults=True, overwrite=True, quiet=True)
    assert main(["verify"]) == 0
    history.commit(repository)
    assert_kept(repository, before)
    stated = (repository / "pyproject.toml").read_text()
    assert '"tqdm>=4.68,<5"' in stated
    assert rendering.answers_of(repository)["_commit"] == NEW
    assert "# released" in (repository / "src/theirs_training/errors.py").read_text()

    history.append(repository / "other.py", FINDING)
    assert main(["verify"]) == 1, "what is new is not tolerated, wherever it lies"


def assert_kept(repository: Path, before: dict[str, bytes]) -> None:
    """Checks that a repository has all that it had, and that its findings are tolerated."""
    after = rendering.contents(repository)
    merged = {".gitignore", "pyproject.toml"}
    assert {path: after[path] for path in before.keys() - merged} == {
        path: text for path, text in before.items() if path not in merged
    }
    assert set(before[".gitignore"].splitlines()) <= set(after[".gitignore"].splitlines())
    stated = tomllib.loads(after["pyproject.toml"].decode())
    project, tools = stated["project"], stated["tool"]
    assert (project["name"], project["version"]) == ("theirs", "3.1")
    assert project["keywords"] == ["token_keywords"]
    assert set(project["scripts"]) == {"theirs", "theirs-training"}
    assert "humanize>=4.9,<5" in project["dependencies"]
    assert "numpy>=2.3,<3" in project["dependencies"]
    assert "numpy<2" not in project["dependencies"]
    assert "hypothesis" in stated["dependency-groups"]["dev"]
    assert stated["dependency-groups"]["docs"] == ["mkdocs"]
    assert tools["mypy"] == {"strict": True}
    assert tools["pytest"]["ini_options"]["markers"] == ["token_marker: takes long"]
    tolerated = json.loads((repository / "jaxcheck-baseline.json").read_text())["findings"]
    assert {entry["path"] for entry in tolerated} == {"train.py", "theirs/models.py"}


def test_all_packages_are_installed_and_a_merge_is_taken_back(
    source: Path, repository: Path, tmp_path: Path
) -> None:
    before = rendering.contents(repository)
    assert main(["adopt", str(source), *ANSWERS]) == 0
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", str(tmp_path)], check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"theirs/models.py", "shapes/__init__.py", "theirs_training/__main__.py"} <= set(names)
    git(repository, "merge", "--abort")
    assert rendering.contents(repository) == before


def test_without_pyproject_and_readme_nothing_is_in_conflict(
    source: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("pyproject.toml", "README.md", ".gitignore"):
        (repository / name).unlink()
    needs = "# what it needs\nnumpy<2\nhumanize>=4.9,<5  # words\n-r others.txt\n"
    write(repository, **{"requirements.txt": needs})
    history.commit(repository)
    assert main(["adopt", str(source), *ANSWERS]) == 0
    told = capsys.readouterr().out
    assert "conflict: " not in told
    assert "dependencies: numpy<2\n" in told
    stated = tomllib.loads((repository / "pyproject.toml").read_text())
    assert "humanize>=4.9,<5" in stated["project"]["dependencies"]
    assert main(["verify"]) == 0


REFUSED = {
    "uncommitted changes": ("train.py", "# more\n", ()),
    "this is a project already": (
        ".copier-answers.yml",
        "{}\n",
        ("commit",),
    ),
    "pyproject.toml cannot be read": ("pyproject.toml", "[", ("commit",)),
    "theirs is there already": ("", "", ("--data", "package_name=theirs")),
    "no such question: licens (did you mean licence?)": ("", "", ("--data", "licens=MIT")),
    "'vision' is not in": ("", "", ("--data", "task=vision")),
    "Not a YAML list": ("", "", ("--data", "launchers=slurm")),
    "there is no release v1": ("", "", ("--to", "v1")),
    "git does not have Dockerfile": (".gitignore", "/Dockerfile\n", ("commit", "Dockerfile")),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_refused_changes_nothing(
    source: Path, repository: Path, capsys: pytest.CaptureFixture[str], reason: str
) -> None:
    path, text, rest = REFUSED[reason]
    if path:
        history.append(repository / path, text)
    if rest[:1] == ("commit",):
        history.commit(repository)
        write(repository, **dict.fromkeys(rest[1:], "mine\n"))
    before, head = rendering.contents(repository), git(repository, "log", "--format=%H", "--all")
    given = rest if rest[:1] in (("--data",), ("--to",)) else ()
    assert main(["adopt", str(source), *ANSWERS, *given]) == 2
    assert reason in capsys.readouterr().err
    assert rendering.contents(repository) == before
    assert git(repository, "log", "--format=%H", "--all") == head
    assert not (repository / ".git" / "MERGE_HEAD").exists()


def test_where_nothing_can_be_merged(
    source: Path,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def told(address: str = str(source)) -> str:
        assert main(["adopt", address, *ANSWERS]) == 2
        return capsys.readouterr().err

    assert "Give the https:// address of the template" in told("ADDRESS")
    monkeypatch.chdir(repository / "theirs")
    assert f"run this at the top of the repository, {repository}" in told()
    monkeypatch.chdir(repository.parent)
    assert "needs a git repository with a commit" in told()
    git(repository.parent, "init", "--quiet")
    assert "needs a git repository with a commit" in told()
    assert sorted(path.name for path in repository.parent.iterdir()) == [".git", "theirs"]
