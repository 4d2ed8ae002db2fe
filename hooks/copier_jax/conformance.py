"""How far a project is from the template: from its own release and from the newest one."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from . import pristine, quick
from .classes import Classes
from .comparison import File, Status, difference, is_same
from .conventions import Conventions, conventions
from .project import Project, UpdateError, paths
from .standing import Standing

DRIFT = (Status.EDITED, Status.EDITED_AND_BEHIND, Status.MISSING)
FAULTS = ("drift", "behind", "findings")
"""What keeps a project from being as the newest release would have it."""


@dataclass(frozen=True)
class Conformance:
    """What is known of a project."""

    name: str
    standing: Standing
    files: dict[str, Status]
    """That of each path that git tracks or one of the two releases brings."""
    conventions: Conventions | None
    diff: str
    """From what the template brought to what is there; the user's own lines left out."""

    @property
    def drift(self) -> list[str]:
        """The paths of the template's files that are edited or missing."""
        return [path for path, status in self.files.items() if status in DRIFT]

    @property
    def differing(self) -> dict[str, Status]:
        """The files that are not as the newest release has them."""
        fine = (Status.SAME, Status.YOURS)
        return {path: status for path, status in self.files.items() if status not in fine}

    @property
    def counts(self) -> dict[Status, int]:
        """How many files there are of each status."""
        counted = Counter(self.files.values())
        return {status: counted[status] for status in Status}

    @property
    def findings(self) -> int:
        """How many findings of the linter fail."""
        return self.conventions.failing if self.conventions else 0

    @property
    def faults(self) -> list[str]:
        """Which of `FAULTS` the project has."""
        found = (bool(self.drift), self.standing.releases > 0, self.findings > 0)
        return [fault for fault, holds in zip(FAULTS, found, strict=True) if holds]


def examine(projects: list[Project], standing: Standing) -> Iterator[Conformance | Exception]:
    """Compares projects that have the same release and the same answers with two renders.

    Yields:
        What is known of each, in their order, or why nothing is.
    """
    with TemporaryDirectory(prefix="copier-jax-") as scratch, quick.renders():
        answers = projects[0].questions
        old = _render(standing.old, answers, Path(scratch, "old"))
        new = old
        if standing.new != standing.old:
            new = _render(standing.new, answers, Path(scratch, "new"))
        for project in projects:
            try:
                yield _examine(project, standing, old, new)
            except Exception as error:  # whatever is wrong with one, the others are told of
                yield error


def _render(template: Path, answers: dict[str, Any], folder: Path) -> Path:
    try:
        return pristine.render(template, answers, folder)
    except ValueError as error:
        raise UpdateError(f"{template.name} refuses the recorded answers: {error}") from None


def _examine(project: Project, standing: Standing, old: Path, new: Path) -> Conformance:
    classes, newest = Classes.of(standing.old), Classes.of(standing.new)
    before, after = pristine.files(old), pristine.files(new)
    statuses: dict[str, Status] = {}
    changes = []
    for path in sorted({*before, *after, *paths(project.folder, "ls-files")}):
        mine = File.read(project.folder / path)
        theirs = File.read(before[path]) if path in before else None
        seamed = classes.seamed.match_file(path)
        if path == classes.answers and mine:
            statuses[path] = Status.SAME  # an update compares with what it says
        elif classes.seeded.match_file(path):
            statuses[path] = Status.YOURS
        elif theirs is None:
            brought = path in after and mine is None and not newest.kept.match_file(path)
            statuses[path] = Status.BEHIND if brought else Status.YOURS
        else:
            next_one = File.read(after[path]) if path in after else None
            changed = next_one != theirs and not newest.kept.match_file(path)
            statuses[path] = _status(mine, theirs, next_one, changed=changed, seamed=seamed)
            if statuses[path] in DRIFT:
                changes.append(difference(path, theirs, mine, seamed=seamed))
    return Conformance(
        name=str(project.questions.get("project_name", project.folder.name)),
        standing=standing,
        files=statuses,
        conventions=conventions(project.folder, old),
        diff="".join(changes),
    )


def _status(
    mine: File | None, theirs: File, next_one: File | None, *, changed: bool, seamed: bool
) -> Status:
    """That of a file which the recorded release brought, and the newest one may have changed."""
    if mine is None:
        return Status.MISSING
    edited = not is_same(mine, theirs, seamed=seamed)
    if edited and next_one and is_same(mine, next_one, seamed=seamed):
        changed = False
    if edited:
        return Status.EDITED_AND_BEHIND if changed else Status.EDITED
    return Status.BEHIND if changed else Status.SAME
