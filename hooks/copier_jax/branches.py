"""Update branches in many repositories; their working trees and other branches stay as they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from .aftermath import left_to_resolve
from .members import Member
from .parallel import in_parallel, told, unattended
from .progress import progress
from .project import ANSWERS, Project, UpdateError, git
from .rehearsal import rehearse
from .standing import Templates
from .updating import update

PREFIX = "copier-jax"
TRAILER = "Unresolved"
"""What a commit of such a branch says for each thing that it leaves to a person."""


@dataclass(frozen=True)
class Branched:
    """What has become of a member."""

    member: Member
    branch: str = ""
    """The branch with the update; empty if there is none."""
    release: str = ""
    """The release that the branch brings, or that the project already has."""
    left: tuple[str, ...] = ()
    """What a person has to resolve in the branch."""
    resumed: bool = False
    """Whether an earlier run has made the branch."""
    problem: str = ""
    """Why there is no branch."""


@dataclass(frozen=True)
class Task:
    """A member to update, and what that needs."""

    member: Member
    to: str | None
    templates: Templates


def update_all(members: list[Member], to: str | None, jobs: int | None) -> list[Branched]:
    """Makes a branch with an update in the repository of each member that has one to take.

    Args:
        members: the members.
        to: the release to update to; None for the next one of each.
        jobs: how many are updated at the same time; None for one on each core.
    """
    with TemporaryDirectory(prefix="copier-jax-") as scratch, unattended():
        templates = Templates(Path(scratch))
        for member in members:
            templates.prefetch(member.project)
        tasks = [Task(member, to, templates) for member in members]
        results = progress(in_parallel(_branch, tasks, jobs), len(tasks))
        found = {
            task.member: Branched(task.member, problem=result)
            if isinstance(result, str)
            else result
            for task, result in results
        }
    return [found[member] for member in members]


def _branch(task: Task) -> Branched:
    """Makes the branch of one member, unless it is there.

    Only a finished update becomes a branch, so an interrupted one leaves nothing to tidy up.
    """
    try:
        folder = task.member.folder.resolve()
        top = Project(folder).top
        with _worktree(top) as checkout:
            return _updated(task, Project(checkout / folder.relative_to(top.resolve())), top)
    except Exception as error:  # whatever is wrong with one, the others are updated
        return Branched(task.member, problem=told(error))


def _updated(task: Task, project: Project, top: Path) -> Branched:
    recorded = project.answers
    waiting = task.templates.clone(recorded["_src_path"]).since(recorded["_commit"])
    if not waiting or recorded["_commit"] == task.to:
        return Branched(task.member, release=recorded["_commit"])
    release = task.to or waiting[0]
    if release not in waiting:
        raise UpdateError(f"{release} is no release after {recorded['_commit']}")
    inner = task.member.folder.resolve().relative_to(top.resolve())
    branch = "/".join([PREFIX, *inner.parts, release])
    if git(top, "branch", "--list", branch):
        left = _left_in(top, branch, inner / ANSWERS, release)
        return Branched(task.member, branch, release, left, resumed=True)
    rehearsal = rehearse(project, release, {}, defaults=True)
    if rehearsal.losses:
        raise UpdateError("\n".join(["refused", *rehearsal.losses]))
    update(project, release, rehearsal, quiet=True)
    left = left_to_resolve(project.folder)
    message = f"Update the template from {recorded['_commit']} to {release}\n"
    trailers = "".join(f"\n{TRAILER}: {each}" for each in left)
    git(project.folder, "add", "--all")
    git(project.folder, "commit", "--quiet", "--no-verify", "--message", message + trailers)
    git(top, "branch", branch, git(project.folder, "rev-parse", "HEAD").strip())
    return Branched(task.member, branch, release, tuple(left))


def _left_in(top: Path, branch: str, answers: Path, release: str) -> tuple[str, ...]:
    """What a branch of an earlier run leaves to a person.

    Raises:
        UpdateError: no earlier run has made this branch.
    """
    recorded = git(top, "show", f"{branch}:{answers.as_posix()}")
    if f"_commit: {release}" not in recorded.splitlines():
        raise UpdateError(f"the branch {branch} is no update to {release}: rename or delete it")
    told = git(top, "log", "-1", f"--format=%(trailers:key={TRAILER},valueonly)", branch)
    return tuple(line for line in told.splitlines() if line)


@contextmanager
def _worktree(top: Path) -> Iterator[Path]:
    """The default branch of a repository in a folder of its own, on no branch.

    It is what `origin/HEAD` names, or without that what is checked out.
    """
    git(top, "worktree", "prune")  # what an interrupted run has left
    remote = "refs/remotes/origin/HEAD"
    start = remote if git(top, "for-each-ref", remote) else "HEAD"
    with TemporaryDirectory(prefix="copier-jax-") as scratch:
        checkout = Path(scratch, "checkout")
        git(top, "worktree", "add", "--quiet", "--detach", str(checkout), start)
        try:
            yield checkout
        finally:
            git(top, "worktree", "remove", "--force", str(checkout))
