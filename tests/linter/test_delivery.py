"""The linter arrives: in rendered projects, as a package, and through pre-commit."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import pack
from jaxcheck import __version__
from jaxcheck.running.configuration import settings_from

from ..support import history, rendering
from .running import HOOKS, REUSED

ROOT = rendering.ROOT
STATED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CACHES = shutil.ignore_patterns("__pycache__", "*.pyc")


@pytest.fixture(scope="module")
def project(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rendering.render(template, tmp_path_factory.mktemp("project") / "p")


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def conventions(project: Path) -> subprocess.CompletedProcess[str]:
    """Runs the test of the conventions that a project has, without what needs all of its tools."""
    options = ("-q", "-p", "no:cacheprovider", "--noconftest", "-k", "not traces")
    command = (sys.executable, "-m", "pytest", *options, "tests/test_conventions.py")
    return run(*command, cwd=project, PYTHONPATH="src")


def test_version_is_that_of_the_template() -> None:
    assert __version__ == STATED["version"]


def test_a_clone_of_the_template_renders_the_linter_byte_for_byte(tmp_path: Path) -> None:
    repository = history.clone(tmp_path / "copier-jax")
    result = rendering.command(
        *("copy", "--defaults", "--vcs-ref", history.WORKING_TREE, repository, tmp_path / "p"),
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "p/tools/jaxcheck.pyz").read_bytes() == pack.PACKED.read_bytes()


def test_git_shows_the_linter_as_one_binary_file(project: Path, tmp_path: Path) -> None:
    """It neither fills what is searched and reviewed, nor is it changed by a check-out."""
    shutil.copytree(project, tmp_path / "p", ignore=CACHES)
    rendering.git(tmp_path / "p", "init", "--quiet")
    history.commit(tmp_path / "p")
    found = rendering.git(tmp_path / "p", "grep", "jit", "--", "tools")
    assert found == "Binary file tools/jaxcheck.pyz matches\n"
    asked = ("diff", "merge", "text", "linguist-generated")
    told = rendering.git(tmp_path / "p", "check-attr", *asked, "--", "tools/jaxcheck.pyz")
    assert re.findall(r": (\w+)$", told, re.MULTILINE) == ["unset", "unset", "unset", "set"]


def test_a_project_keeps_its_conventions(project: Path) -> None:
    done = conventions(project)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_a_project_without_the_linter_is_told(project: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(project, bare, ignore=shutil.ignore_patterns("tools"))
    done = conventions(bare)
    assert "2 failed" in done.stdout
    assert "tools/jaxcheck.pyz is missing" in done.stdout
    workflow = yaml.safe_load((project / ".github/workflows/ci.yml").read_text())
    [step] = [s for s in workflow["jobs"]["test"]["steps"] if "jaxcheck" in s.get("run", "")]
    script = ("bash", "-e", "-c", step["run"])
    done = run(*script, cwd=bare)
    assert done.returncode == 1
    assert done.stdout.startswith("::error::tools/jaxcheck.pyz is missing")
    assert "git log -- tools/jaxcheck.pyz" in done.stdout


def test_a_project_breaks_its_conventions(project: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(project, broken, ignore=CACHES)
    [package] = (broken / "src").iterdir()
    (package / "noise.py").write_text(REUSED)
    with (broken / "tools/jaxcheck.pyz").open("ab") as stream:
        stream.write(b"mine")
    done = conventions(broken)
    assert "2 failed" in done.stdout
    assert "JX501[key-reused]" in done.stdout
    assert "tools/jaxcheck.pyz is not as it was delivered" in done.stdout


def test_settings_and_hook_of_a_project(project: Path) -> None:
    stated = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["jaxcheck"]
    assert settings_from(stated).paths == ("src", "tests")
    hooks = yaml.safe_load((project / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    [hook] = [hook for hook in hooks if hook["id"] == "jaxcheck"]
    assert hook["entry"] == "uv run python tools/jaxcheck.pyz"
    assert hook["pass_filenames"] is False


def test_pre_commit_finds_the_hook() -> None:
    [hook] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert hook["id"] == hook["entry"] == "jaxcheck"
    assert STATED["scripts"][hook["entry"]] == "jaxcheck.command_line:main"
    assert hook["language"] == "python"
    assert hook["pass_filenames"] is False, "facts of the whole project would be lost"


def test_a_package_is_built_that_runs(tmp_path: Path) -> None:
    """Of a clean tree, and installed into an environment that has nothing else."""
    source = tmp_path / "source"
    shutil.copytree(HOOKS, source / "hooks", ignore=CACHES)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, source / name)
    build = (sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path)
    done = run(*build, cwd=source)
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("*.whl")
    packed = zipfile.ZipFile(wheel)
    left_out = (".dist-info/", "copier_jax/")
    names = {name for name in packed.namelist() if not any(each in name for each in left_out)}
    carried = set(zipfile.ZipFile(pack.PACKED).namelist()) - {"__main__.py"}
    assert names == carried, "another linter than that of projects"

    environment = tmp_path / "environment"
    run(sys.executable, "-m", "venv", environment, cwd=tmp_path)
    install = ("-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel)
    done = run(environment / "bin/python", *install, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (tmp_path / "reused.py").write_text(REUSED)
    done = run(environment / "bin/jaxcheck", "--select", "JX5", "reused.py", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "reused.py:7:14: JX501[key-reused]" in done.stdout
    explained = run(environment / "bin/jaxcheck", "--explain", "JX501", cwd=tmp_path)
    assert "## What is not flagged" in explained.stdout
    done = run(environment / "bin/copier-jax", "verify", cwd=tmp_path)
    assert done.stderr == "copier-jax: this needs Copier; install copier-jax[update]\n"
