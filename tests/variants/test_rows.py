"""Projects that cover all pairs of answers and interpreters: each installs, is clean, and works."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support import interpreters, rendering
from . import projects
from .projects import Project

ROWS = rendering.combinations([{"interpreter": "oldest"}, {"interpreter": "newest"}])
OTHER = ("command_line", "run_directory", "tracker")
"""Tests of a project that meet what answers beside task and architecture bring."""
LIBRARY = (
    *("configuration", "confusion", "dataset", "numerics", "optimizer", "parallel", "processes"),
    *("own_data", "records", "reporting"),
)
"""Tests of what all tasks share, modules and tests alike, byte for byte."""
DECODER = ("generation", "model", "resume", "sharding", "training")
"""Those of what `language` and `post-training` share: their model, and the step that trains it.

What Tunix's steps make of resuming and sharding has tests of its own, which only the latter has.
"""


def is_first(row: rendering.Answers, *questions: str) -> bool:
    """Whether no row before has the same answers to these questions."""
    return row is next(
        each for each in ROWS if all(each.get(name) == row.get(name) for name in questions)
    )


def chosen_tests(row: rendering.Answers, project: Path) -> list[str]:
    """What pytest is told: to run what no row before has shown.

    All tests of a project are those of its model, which run where it comes for the first time,
    and those that all have, which run on the oldest and on the newest interpreter. In further
    rows those run that the other answers can change.
    """
    if not is_first(row, "task", "architecture"):
        paths = [f"tests/test_{name}.py" for name in OTHER]
        return [path for path in paths if (project / path).exists()]
    shown = []
    if not is_first(row, "interpreter"):
        shown += LIBRARY
    if row["task"] == "post-training":
        shown += DECODER
    return [f"--ignore=tests/test_{name}.py" for name in shown]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(row, id=name, marks=pytest.mark.xdist_group(name))
        for row, name in ((row, rendering.label(row)) for row in ROWS)
    ],
)
def row(request: pytest.FixtureRequest) -> rendering.Answers:
    """The answers, and which of the interpreters that they allow."""
    return request.param


@pytest.fixture(scope="module")
def python(row: rendering.Answers) -> str:
    """The interpreter."""
    found = list(interpreters.ends(row["python_floor"]).values())
    if not found:
        pytest.skip(f"no Python from {row['python_floor']} on is here")
    return found[0] if row["interpreter"] == "oldest" else found[-1]


@pytest.fixture(scope="module")
def project(
    row: rendering.Answers,
    python: str,
    template: Path,
    environments: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """The project, installed; it is deleted when it has passed, or there would be twenty."""
    path = tmp_path_factory.mktemp("row") / "proof-lab"
    answers = {name: value for name, value in row.items() if name != "interpreter"}
    yield projects.make(template, path, python, environments, **answers)
    shutil.rmtree(path)


def test_environment_follows_the_interpreter(project: Project, python: str) -> None:
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout
    assert project.tool("python", "-V") == version
    stack = project.tool(
        "python", "-c", "import jax, flax; print(jax.__version__, flax.__version__)"
    )
    jax_version, flax_version = stack.split()
    oldest = version.startswith("Python 3.11.")
    assert jax_version.startswith("0.10." if oldest else "0.12.")
    assert (flax_version == "0.12.8") == oldest


def test_hooks_have_nothing_to_say(project: Project) -> None:
    """They are formatter, linter, type checker, jaxcheck and what looks for rests of updates."""
    project.tool("pre-commit", "run", "--all-files")
    project.tool("python", "tools/jaxcheck", "--verify")
    assert project.changes() == "", "the project's formatter changes files as rendered"


def test_own_tests_pass(row: rendering.Answers, project: Project, compiled: Path) -> None:
    chosen = chosen_tests(row, project.path)
    project.tool("pytest", "-q", *chosen, JAX_COMPILATION_CACHE_DIR=str(compiled))
    assert project.changes() == ""
