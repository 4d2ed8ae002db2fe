"""Projects as users have them: rendered, installed with uv, committed to git."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uv import find_uv_bin

from ..support import history, rendering


@dataclass(frozen=True)
class Project:
    """A rendered and installed project.

    Attributes:
        path: its folder, a git repository with everything committed.
        package: the name of its package.
        environment: where it is installed.
    """

    path: Path
    package: str
    environment: Path

    def attempt(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of the project's environment, whether it succeeds or fails.

        Args:
            *command: the command and its arguments.
            **more: variables to add to the environment.
        """
        return subprocess.run(
            [self.environment / "bin" / command[0], *command[1:]],
            cwd=self.path,
            env=shell(self.environment) | more,
            capture_output=True,
            text=True,
            check=False,
        )

    def tool(self, *command: str, **more: str) -> str:
        """Runs a command that must succeed, and returns what it prints."""
        result = self.attempt(*command, **more)
        assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
        return result.stdout

    def tests(self, *names: str, **more: str) -> None:
        """Runs tests of the project, which must pass; one that hangs ends them with all stacks."""
        limits = ("faulthandler_timeout=600", "faulthandler_exit_on_timeout=true")
        self.tool("pytest", "-q", *(f"--override-ini={limit}" for limit in limits), *names, **more)

    def command(self, *words: str) -> str:
        """Runs the project's own command, which must succeed, and returns what it prints."""
        return self.tool(self.package.replace("_", "-"), *words)

    def changes(self) -> str:
        """What git sees changed since the project was committed."""
        return rendering.git(self.path, "status", "--porcelain")


def shell(environment: Path) -> dict[str, str]:
    """The variables of a user's shell: this session's own environment must not show through."""
    foreign = {"UV_PYTHON", "VIRTUAL_ENV"}
    inherited = {name: value for name, value in os.environ.items() if name not in foreign}
    tools = [str(environment / "bin"), str(Path(find_uv_bin()).parent)]
    return inherited | {
        "PATH": os.pathsep.join([*tools, inherited["PATH"]]),
        "UV_PROJECT_ENVIRONMENT": str(environment),
        "UV_PYTHON_DOWNLOADS": "never",
    }


def make(template: Path, path: Path, python: str, environments: Path, **answers: Any) -> Project:
    """Renders a project and installs it."""
    rendering.render(template, path, project_name="Proof Lab", **answers)
    environment = install(path, python, environments)
    rendering.git(path, "init", "--quiet")
    history.commit(path)
    return Project(path, "proof_lab", environment)


def lock(path: Path, python: str) -> None:
    """Locks a project's dependencies and installs nothing, as `uv lock` does."""
    _uv("lock", path, python, path / ".venv")


def install(path: Path, python: str, environments: Path) -> Path:
    """Installs a project's environment, as `uv sync` does.

    Args:
        path: the project.
        python: the interpreter.
        environments: a folder with an environment for each interpreter. Projects take it over from
            each other: uv makes it exactly what each one locks, and what two have in common is
            installed, and compiled by Python, once.

    Returns:
        The environment.
    """
    environment = environments / Path(python).relative_to("/").as_posix().replace("/", "-")
    _uv("sync", path, python, environment)
    return environment


def _uv(command: str, path: Path, python: str, environment: Path) -> None:
    words = [find_uv_bin(), command, "--quiet", "--python", python]
    subprocess.run(words, cwd=path, env=shell(environment), check=True)
