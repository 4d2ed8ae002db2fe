"""Rendering the template of the working tree, apart from the developer's own settings."""

import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import copier
import yaml

ROOT = Path(__file__).parents[2]
SETTINGS = yaml.safe_load((ROOT / "copier.yml").read_text())
QUESTIONS = {name: value for name, value in SETTINGS.items() if not name.startswith("_")}


def choices(question: str) -> list[str]:
    """The values that a question with fixed choices takes."""
    declared = QUESTIONS[question]["choices"]
    return list(declared.values() if isinstance(declared, dict) else declared)


def combinations() -> list[dict[str, str]]:
    """Every combination of the answers with fixed choices, one for each way a project can look."""
    chosen = [name for name, details in QUESTIONS.items() if "choices" in details]
    return [
        dict(zip(chosen, values, strict=True))
        for values in itertools.product(*(choices(name) for name in chosen))
    ]


def working_files() -> Iterator[Path]:
    """Files and links of the working tree, relative to it: tracked and new, not ignored ones."""
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in listed.split("\0"):
        if name and ((ROOT / name).is_file() or (ROOT / name).is_symlink()):
            yield Path(name)


def export(directory: Path) -> Path:
    """Copies the template as it stands into a plain folder, from which rendering is fastest."""
    for name in ("copier.yml", "includes", "template"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, directory / name)
        else:
            directory.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, directory / name)
    return directory


def render(template: Path, project: Path, **answers: Any) -> Path:
    """Renders `template` with defaults for all that `answers` leaves open.

    Raises:
        ValueError: an answer was rejected.
    """
    copier.run_copy(str(template), project, data=answers, defaults=True, quiet=True, overwrite=True)
    return project


def command(
    *arguments: str | Path, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs the copier of this environment as a user would, and captures what it prints."""
    return subprocess.run(
        [sys.executable, "-m", "copier", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def contents(project: Path) -> dict[str, bytes]:
    """The files of a project by path, git's own left out."""
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in sorted(project.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(project).parts
    }


def answers_of(project: Path) -> Mapping[str, Any]:
    """What the answers file of a project records."""
    return yaml.safe_load((project / ".copier-answers.yml").read_text())


def git(directory: Path, *arguments: str) -> str:
    """Runs git in `directory` and returns what it prints."""
    return subprocess.run(
        ["git", *arguments], cwd=directory, check=True, capture_output=True, text=True
    ).stdout
