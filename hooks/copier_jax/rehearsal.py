"""What an update would do, found by doing it to a clone of the project."""

import filecmp
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import copier

from .aftermath import UNMERGED
from .project import FIXED, Project, UpdateError, git, paths
from .tables import keep_both


@dataclass(frozen=True)
class Rehearsal:
    """What an update would do to the files of a project, by their paths."""

    answers: dict[str, Any]
    overwritten: list[str]
    """Files that git does not track and the update would write over."""
    deleted: list[str]
    """Files that differ from what the template once brought, and would go."""
    orphaned: list[str]
    """Files and whole folders that the template no longer brings, and that would stay."""
    conflicts: list[str]

    @property
    def losses(self) -> list[str]:
        """One line for each file of which git or Copier would keep nothing."""
        overwritten = [
            f"overwritten, and git does not have it: {path}" for path in self.overwritten
        ]
        return overwritten + [f"deleted, with your edits: {path}" for path in self.deleted]

    @property
    def remarks(self) -> list[str]:
        """One line for each file that the update leaves to the user."""
        return [
            *(f"no longer the template's, and stays: {path}" for path in self.orphaned),
            *(f"conflict, for you to resolve: {path}" for path in self.conflicts),
        ]


def rehearse(project: Project, release: str, data: dict[str, Any], *, defaults: bool) -> Rehearsal:
    """Updates a clone of a clean project.

    Args:
        project: the project, which stays as it is.
        release: the tag or commit to update to.
        data: answers to change.
        defaults: whether new questions get their defaults instead of being asked.

    Raises:
        UpdateError: an answer would change that is fixed.
    """
    with TemporaryDirectory(prefix="copier-jax-") as folder:
        top, scratch = project.top, Path(folder)
        git(scratch, "clone", "--quiet", "--", str(top), "clone")
        clone = Project(scratch / "clone" / project.folder.relative_to(top))
        copier.run_update(
            clone.folder,
            data,
            vcs_ref=release,
            defaults=defaults,
            skip_answered=True,
            overwrite=True,
            quiet=True,
        )
        keep_both(clone.folder)
        before, after = project.answers, clone.answers
        for name in FIXED:
            if before.get(name) != after.get(name):
                raise UpdateError(f"{name} is fixed when a project starts: leave it out")
        old = render(project, scratch / "old")
        new = render(clone, scratch / "new")
        gone = set(paths(clone.folder, "ls-files", "--deleted"))
        return Rehearsal(
            answers=clone.questions,
            overwritten=differing(
                paths(clone.folder, "ls-files", "--others"), clone.folder, project.folder
            ),
            deleted=differing(sorted(gone), project.folder, old),
            orphaned=sorted(
                {
                    outermost_without(new, path)
                    for path in paths(project.folder, "ls-files")
                    if (old / path).exists() and not (new / path).exists() and path not in gone
                }
            ),
            conflicts=paths(clone.folder, *UNMERGED),
        )


def render(project: Project, folder: Path) -> Path:
    """Renders a new project with the answers of one, of the release that these name."""
    source, release = project.answers["_src_path"], project.answers["_commit"]
    copier.run_copy(source, folder, project.questions, vcs_ref=release, defaults=True, quiet=True)
    return folder


def differing(candidates: list[str], one: Path, other: Path) -> list[str]:
    """The paths at which both folders have a file, and not the same."""
    common = [path for path in candidates if (other / path).exists()]
    return [path for path in common if not filecmp.cmp(one / path, other / path, shallow=False)]


def outermost_without(folder: Path, path: str) -> str:
    """The outermost part of a path that a folder does not have."""
    parts = [*reversed(Path(path).parents), Path(path)]
    return next(part.as_posix() for part in parts if not (folder / part).exists())
