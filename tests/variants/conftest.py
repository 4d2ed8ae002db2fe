"""Each variant as a user has it: rendered, installed, and its `smoke` experiment trained."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from uv import find_uv_bin

from ..support import history, interpreters, rendering

PYTHONS = interpreters.ends()


@dataclass(frozen=True)
class Project:
    """A rendered and installed project.

    Attributes:
        path: its folder, a git repository with everything committed.
        package: the name of its package.
    """

    path: Path
    package: str

    def tool(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of the project's environment, and shows its output if it fails."""
        result = subprocess.run(
            [self.path / ".venv" / "bin" / command[0], *command[1:]],
            cwd=self.path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
        return result

    def changes(self) -> str:
        """What git sees changed since the project was committed."""
        return rendering.git(self.path, "status", "--porcelain")


def environment() -> dict[str, str]:
    """The environment of a user's shell: this session's own environment must not show through."""
    foreign = {"UV_PROJECT_ENVIRONMENT", "UV_PYTHON", "VIRTUAL_ENV"}
    inherited = {name: value for name, value in os.environ.items() if name not in foreign}
    tools = str(Path(find_uv_bin()).parent)
    return inherited | {
        "PATH": os.pathsep.join([tools, inherited["PATH"]]),
        "UV_PYTHON_DOWNLOADS": "never",
    }


@pytest.fixture(scope="module", params=PYTHONS.values(), ids=list(PYTHONS))
def python(request: pytest.FixtureRequest) -> str:
    """The interpreter of the variant."""
    return request.param


@pytest.fixture(scope="module")
def project(python: str, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A `language` project, installed with `uv sync`."""
    path = tmp_path_factory.mktemp("variant") / "proof-lab"
    rendering.render(template, path, project_name="Proof Lab", task="language")
    sync = [find_uv_bin(), "sync", "--quiet", "--python", python]
    subprocess.run(sync, cwd=path, env=environment(), check=True)
    rendering.git(path, "init", "--quiet")
    history.commit(path)
    return Project(path, "proof_lab")
