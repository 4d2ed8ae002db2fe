"""The steps of an update, in the order in which they lose nothing."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import copier

from .aftermath import left_to_resolve, lint
from .project import Project, UpdateError
from .rehearsal import Rehearsal, rehearse
from .releases import Template
from .tables import FILE, keep_both


def choose(project: Project, to: str | None, data: dict[str, Any]) -> str | None:
    """Picks the release to update to, and prints what there is to know of it.

    Args:
        project: the project.
        to: the tag that the user names; None for the next release after the one of the project.
        data: answers to change; if there are any, None stands for the release of the project.

    Returns:
        What Copier takes for a release; None if there is nothing to do.
    """
    recorded = project.answers
    if to is None and data:
        return recorded["_commit"]
    with TemporaryDirectory(prefix="copier-jax-") as folder:
        template = Template.clone(recorded["_src_path"], Path(folder, "template"))
        waiting = template.since(recorded["_commit"])
        if to is not None and to not in waiting:
            raise UpdateError(f"{to} is no release after {recorded['_commit']}")
        if not waiting:
            print(f"{recorded['_commit']} is the newest release")
            return None
        target = to or waiting[0]
        for tag in waiting[: waiting.index(target) + 1]:
            print(template.notes(tag), end="\n\n")
        if more := waiting[waiting.index(target) + 1 :]:
            print(f"To come after this one: {', '.join(more)}\n")
        return target


def preflight(
    project: Project, to: str | None, data: dict[str, Any], *, defaults: bool
) -> tuple[str, Rehearsal] | None:
    """Rehearses an update of a clean project and prints what would be lost, or left to the user.

    Returns:
        The release and the rehearsal; None if there is nothing to do.
    """
    project.require_clean()
    release = choose(project, to, data)
    if release is None:
        return None
    rehearsal = rehearse(project, release, data, defaults=defaults)
    print("".join(f"{line}\n" for line in [*rehearsal.losses, *rehearsal.remarks]), end="")
    return release, rehearsal


def update(project: Project, release: str, rehearsal: Rehearsal, *, quiet: bool = False) -> None:
    """Updates a project as it was rehearsed, and leaves it to the user to commit the changes."""
    copier.run_update(
        project.folder,
        rehearsal.answers,
        vcs_ref=release,
        defaults=True,
        skip_answered=True,
        overwrite=True,
        quiet=quiet,
    )
    if keep_both(project.folder) and not quiet:
        print(f"{FILE}: the release's tables and yours, both at the end, are kept")


def verify(project: Project) -> bool:
    """Whether nothing is left to resolve and the linter finds nothing; prints what there is."""
    left = left_to_resolve(project.folder)
    print("".join(f"{line}\n" for line in left), end="")
    return not left and lint(project.folder)
