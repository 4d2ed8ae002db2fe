"""Where a project stands among the releases of its template."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import mkdtemp

from . import pristine
from .project import Project, UpdateError, git
from .releases import Template


@dataclass(frozen=True)
class Standing:
    """The release of a project and the newest one."""

    template: str
    """The address that the project records."""
    release: str
    newest: str
    releases: int
    """How many releases the project is behind."""
    days: int
    """How many days later than its own the newest release was made."""
    old: Path
    """The template at the release of the project."""
    new: Path
    """The template at the newest release."""


class Templates:
    """Templates, each of them cloned once and exported once for each release that is needed."""

    def __init__(self, folder: Path) -> None:
        """Takes a folder of its own to write to."""
        self.folder = folder
        self.clones: dict[str, Template | UpdateError] = {}

    def clone(self, address: str) -> Template:
        """The clone of the template at an address.

        Raises:
            UpdateError: git cannot clone it.
        """
        if address not in self.clones:
            try:
                clone = Template.clone(address, Path(mkdtemp(dir=self.folder)) / "clone")
            except UpdateError as error:
                self.clones[address] = error
            else:
                self.clones[address] = clone
        found = self.clones[address]
        if isinstance(found, UpdateError):
            raise UpdateError(str(found))
        return found

    def prefetch(self, project: Project) -> None:
        """Clones the template of a project, if that can be done."""
        with suppress(UpdateError):
            self.clone(str(project.answers["_src_path"]))

    def standing(self, project: Project) -> Standing:
        """Finds the release of a project among those of its template.

        Raises:
            UpdateError: the project, or its template, does not say.
        """
        recorded = project.answers
        address, release = str(recorded["_src_path"]), str(recorded["_commit"])
        template = self.clone(address)
        waiting = template.since(release)
        newest = waiting[-1] if waiting else release
        return Standing(
            template=address,
            release=release,
            newest=newest,
            releases=len(waiting),
            old=self._export(template, release),
            new=self._export(template, newest),
            days=(_day(template, newest) - _day(template, release)).days,
        )

    def newest(self, address: str) -> Path:
        """The newest release of the template at an address, in a plain folder.

        Raises:
            UpdateError: there is none.
        """
        template = self.clone(address)
        return self._export(template, template.newest())

    def _export(self, template: Template, release: str) -> Path:
        """The template as it was at a release, in a plain folder."""
        return pristine.export(template, release, template.folder.with_name(release))


def _day(template: Template, release: str) -> date:
    """The day on which a release was committed."""
    told = git(template.folder, "log", "-1", "--format=%cs", release, "--")
    return date.fromisoformat(told.strip())
