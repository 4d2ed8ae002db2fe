"""Projects as the template renders them, which nobody has edited."""

import warnings
from pathlib import Path
from typing import Any

import copier

from .project import UpdateError, git
from .releases import Template


def export(template: Template, release: str, folder: Path) -> Path:
    """Writes the template as it was at a release into a plain folder, unless that is there.

    Copier renders from a plain folder without starting git.

    Raises:
        UpdateError: the template has no such release.
    """
    if not folder.exists():
        folder.mkdir(parents=True)
        try:
            git(
                template.folder,
                *("-c", "core.bare=false", f"--work-tree={folder}"),
                *("checkout", "--force", release, "--", "."),
            )
        except UpdateError:
            folder.rmdir()
            raise UpdateError(f"{template.source} has no release {release}") from None
    return folder


def render(template: Path, answers: dict[str, Any], folder: Path, *, pretend: bool = False) -> Path:
    """Renders a new project; what the user has set for Copier does not count.

    Args:
        template: the template in a plain folder.
        answers: what is answered; the others take their defaults.
        folder: the project.
        pretend: whether nothing is written.

    Raises:
        ValueError: the template refuses an answer.
    """
    with warnings.catch_warnings(action="ignore"):
        copier.run_copy(
            *(str(template), folder, answers),
            defaults=True,
            quiet=True,
            pretend=pretend,
            settings=copier.Settings(),
        )
    return folder


def files(folder: Path) -> dict[str, Path]:
    """The files of a render by their paths in a project."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
