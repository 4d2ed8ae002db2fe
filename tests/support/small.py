"""Small templates and projects, made for one test."""

from pathlib import Path

import copier

from . import history
from .rendering import git


def write(folder: Path, **files: str | None) -> None:
    """Writes files of a folder, or deletes those that are None; `/` is `__` in their names."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True) if text is None else path.write_text(text)


def start(template: Path, folder: Path, ref: str = "v1.0.0", **answers: str) -> Path:
    """Starts a project in a repository of its own."""
    copier.run_copy(str(template), folder, answers, vcs_ref=ref, defaults=True, quiet=True)
    git(folder, "init", "--quiet")
    history.commit(folder)
    return folder
