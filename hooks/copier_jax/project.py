"""A project in git, and the answers that it records."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ANSWERS = ".copier-answers.yml"
FIXED = ("package_name", "task", "architecture")
"""Answers that no update can change: the modules of the task are the user's."""


class UpdateError(Exception):
    """What keeps an update from being done, for people to read."""


def git(folder: Path, *arguments: str) -> str:
    """Runs git in `folder` and returns what it prints.

    Raises:
        UpdateError: git failed; what it said.
    """
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UpdateError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def paths(folder: Path, command: str, *arguments: str) -> list[str]:
    """The paths that a command of git lists, each of them once."""
    listed = git(folder, command, "-z", *arguments).split("\0")
    return sorted({path for path in listed if path})


@dataclass(frozen=True)
class Project:
    """The folder of a project, which may be the top of a repository or lie inside one."""

    folder: Path

    @property
    def answers(self) -> dict[str, Any]:
        """What the project records.

        Raises:
            UpdateError: it records no template.
        """
        try:
            recorded = yaml.safe_load((self.folder / ANSWERS).read_text())
        except FileNotFoundError:
            raise UpdateError(f"no {ANSWERS} here: run this in the folder of a project") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise UpdateError(f"{ANSWERS} is damaged: {error}") from None
        if not isinstance(recorded, dict) or not {"_src_path", "_commit"} <= recorded.keys():
            raise UpdateError(f"{ANSWERS} records no release of the template")
        return recorded

    @property
    def questions(self) -> dict[str, Any]:
        """The answers without what Copier adds."""
        return {name: answer for name, answer in self.answers.items() if name[0] != "_"}

    @property
    def top(self) -> Path:
        """The top of the repository."""
        return Path(git(self.folder, "rev-parse", "--show-toplevel").removesuffix("\n"))

    def require_clean(self) -> None:
        """Refuses a project with changes that are not committed."""
        if git(self.folder, "status", "--porcelain", "--", "."):
            raise UpdateError("there are uncommitted changes: commit or stash them first")
