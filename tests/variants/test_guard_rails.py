"""Each guard of a project catches the mistake that it is there for, and nothing where none is."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ..support import history, interpreters, rendering
from . import projects
from .projects import Project

pytestmark = pytest.mark.xdist_group("guard rails")

RUFF = ("ruff", "check")
FORMAT = ("ruff", "format", "--check")
TYPES = ("basedpyright",)
JAXCHECK = ("python", "tools/jaxcheck.pyz")
VERIFY = ("python", "tools/jaxcheck.pyz", "--verify")
ANNOTATIONS = ("pytest", "-q", "tests/test_annotations.py")
TRAIN = ("python", "-m", "proof_lab", "train", "--config=config:smoke", "--run-dir", "runs/planted")
TRAIN = (*TRAIN, "--config=set:loop.steps=20")

TRACE = ("python", "tools/jaxcheck.pyz", "trace", "proof_lab.objective", "--ignore", "JX106")

TWO_DRAWS = """

def planted(key: PRNGKeyArray) -> Array:
    \"\"\"Draw twice from one key.\"\"\"
    return jax.random.normal(key) + jax.random.uniform(key)
"""
UNTYPED = """

def planted(values):
    \"\"\"Do something to an array.\"\"\"
    return jnp.tanh(values)
"""
OTHER_SHAPE = """

import jaxtyping


def planted(values: jaxtyping.Float32[Array, "batch ..."]) -> jaxtyping.Float32[Array, " batch"]:
    \"\"\"Return another shape than promised.\"\"\"
    return values[None]
"""
WEIGHTS = '"targets"], batch["weights"]\n'
END = ""


class Mistake(NamedTuple):
    """A mistake in `objective.py`, and who says what about it.

    Attributes:
        edits: what stands there once, to what stands there instead; END is for what is added.
        guard: a command of the project.
        says: words of its output.
    """

    edits: dict[str, str]
    guard: tuple[str, ...]
    says: str


MISTAKES = {
    "unused import": Mistake({"import chex\n": "import colorsys\n\nimport chex\n"}, RUFF, "F401"),
    "layout": Mistake({END: "\n\nplanted=1\n"}, FORMAT, "objective.py"),
    "wrong type": Mistake({END: '\n\nplanted: int = "one"\n'}, TYPES, "reportAssignmentType"),
    "reused key": Mistake({END: TWO_DRAWS}, JAXCHECK, "JX501"),
    "untyped function": Mistake({END: UNTYPED}, JAXCHECK, "JX101"),
    "untyped function, tested": Mistake({END: UNTYPED}, ANNOTATIONS, "planted"),
    "shape against the code": Mistake({END: OTHER_SHAPE}, TRACE, "JX209"),
    "shape against the code, run": Mistake(
        {
            END: OTHER_SHAPE,
            WEIGHTS: WEIGHTS.replace("batch[", "planted(batch[").replace("]\n", "])\n"),
        },
        TRAIN,
        "jaxtyping",
    ),
    "loss that is no number": Mistake(
        {WEIGHTS: WEIGHTS.replace("\n", " * jnp.nan\n")}, TRAIN, "updates were skipped"
    ),
}


@pytest.fixture(scope="module")
def project(
    template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """A project of the newest Python, which has its data; that of the task that trains fastest."""
    path = tmp_path_factory.mktemp("guarded") / "proof-lab"
    newest = [*interpreters.ends().values()][-1]
    project = projects.make(template, path, newest, environments, task="tabular")
    project.command("prepare")
    return project


@pytest.fixture
def objective(project: Project) -> Iterator[Path]:
    """The module that mistakes are planted in; afterwards it is as it was."""
    path = project.path / "src" / project.package / "objective.py"
    text = path.read_text()
    yield path
    path.write_text(text)
    shutil.rmtree(project.path / "runs", ignore_errors=True)  # or the next run would resume
    assert project.changes() == ""


@pytest.mark.parametrize(
    "guard", sorted({mistake.guard for mistake in MISTAKES.values()}), ids=" ".join
)
@pytest.mark.usefixtures("objective")
def test_no_guard_complains_without_reason(project: Project, guard: tuple[str, ...]) -> None:
    project.tool(*guard)


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=list(MISTAKES))
def test_mistake_is_caught(project: Project, objective: Path, mistake: Mistake) -> None:
    for old, new in mistake.edits.items():
        if old == END:
            history.append(objective, new)
        else:
            history.replace(objective, old, new)
    result = project.attempt(*mistake.guard)
    assert result.returncode != 0
    assert mistake.says in result.stdout + result.stderr


def test_edited_linter_is_caught(project: Project) -> None:
    project.tool(*VERIFY)
    edited = project.path / "tools" / "jaxcheck.pyz"
    edited.write_bytes(edited.read_bytes().replace(b"batch", b"Batch", 1))
    try:
        assert project.attempt(*VERIFY).returncode != 0
    finally:
        rendering.git(project.path, "checkout", "--", str(edited))


@pytest.mark.parametrize(
    ("hook", "name", "text"),
    [
        ("conflict-markers", "notes.txt", "<<<<<<< before updating\nmine\n=======\ntheirs\n"),
        ("rejected-hunks", "data.py.rej", "a hunk\n"),
    ],
)
def test_rests_of_an_update_are_caught(project: Project, hook: str, name: str, text: str) -> None:
    run = ("pre-commit", "run", hook, "--all-files")
    project.tool(*run)
    (project.path / name).write_text(text)
    rendering.git(project.path, "add", name)
    try:
        assert project.attempt(*run).returncode == 1
    finally:
        rendering.git(project.path, "rm", "-q", "-f", name)
