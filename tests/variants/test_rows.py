"""Projects that cover all pairs of answers and interpreters: each installs, is clean, and works.

That is at night. By day a few projects have between them each model, each answer and both ends of
the interpreters; `tests/test_renders.py` renders all pairs.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support import interpreters, rendering
from . import projects
from .projects import Project
from .shown import Shown, Sources, releases

ROWS = rendering.combinations([{"interpreter": "oldest"}, {"interpreter": "newest"}])
MODELS = {(row["task"], row.get("architecture")): row for row in reversed(ROWS)}
OLDEST = [row | {"python_floor": "3.11", "interpreter": "oldest"} for row in MODELS.values()]
OLDEST = [row for row in OLDEST if row not in ROWS]
"""Each model on the oldest interpreter, for the night: pairs of answers need few of them."""


def traits(row: rendering.Answers) -> set[tuple[object, ...]]:
    """What a row has to show by day: its model, its interpreter, and each of its answers."""
    oldest = row["python_floor"] == "3.11" and row["interpreter"] == "oldest"
    found: set[tuple[object, ...]] = {(row["task"], row.get("architecture")), ("3.11", oldest)}
    for name, value in row.items():
        found |= {(name, one) for one in (value if isinstance(value, list) else [value])}
    return found


def covering(rows: list[rendering.Answers]) -> list[rendering.Answers]:
    """A few rows that have between them every trait of all, those first that add the most."""
    chosen, left = [], set().union(*map(traits, rows))
    while left:
        chosen.append(max(rows, key=lambda row: len(traits(row) & left)))
        left -= traits(chosen[-1])
    return chosen


BY_DAY = covering(ROWS)
DAY = [row for row in ROWS if row in BY_DAY]
LATE = [row for row in ROWS if row not in BY_DAY] + OLDEST
MEETING = {"tests/test_command_line.py"}
"""Tests in which all modules of a project meet, the tracker's too."""
LONGEST = {
    "tests/test_damage.py",
    "tests/test_doctor.py",
    "tests/test_elastic.py",
    "tests/test_finite.py",
    "tests/test_hooks.py",
    "tests/test_launch_local.py",
    "tests/test_optimizer_state.py",
    "tests/test_optimizers.py",
    "tests/test_processes.py",
    "tests/test_replay.py",
    "tests/test_resume.py",
    "tests/test_rollback.py",
    "tests/test_sharding.py",
    "tests/test_spikes.py",
    "tests/test_start.py",
    "tests/test_starts.py",
    "tests/test_training.py",
    "tests/test_watchdog.py",
}
"""Tests that all tasks have and that take longest: in one project of each run, and in projects of
every task on each interpreter in `nox -s nightly`."""
NIGHTLY = {
    "tests/test_post_training_mesh.py",
    "tests/test_post_training_optimizers.py",
    "tests/test_post_training_processes.py",
    "tests/test_post_training_resume.py",
}
"""Tests of what others show in part, such as `test_elastic.py` and `test_pretrained_methods.py`."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(row, id=name, marks=[pytest.mark.xdist_group(name), *marks])
        for rows, marks in ((DAY, ()), (LATE, (pytest.mark.nightly,)))
        for row, name in ((row, rendering.label(row)) for row in rows)
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


@pytest.fixture(scope="module")
def sources(project: Project) -> Sources:
    """The project as it was rendered."""
    return Sources(project.path)


def test_environment_follows_the_interpreter(project: Project, python: str) -> None:
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout
    assert project.tool("python", "-V") == version
    told = "import importlib.metadata as found; print(*map(found.version, ('jax', 'flax')))"
    jax_version, flax_version = project.tool("python", "-c", told).split()
    oldest = version.startswith("Python 3.11.")
    assert jax_version.startswith("0.10." if oldest else "0.12.")
    assert (flax_version == "0.12.8") == oldest


def test_hooks_have_nothing_to_say(project: Project, sources: Sources, shown: Shown) -> None:
    """They are formatter, linter, type checker, jaxcheck and what looks for rests of updates."""
    installed = releases(project.environment)
    new = [
        name
        for name in sorted(sources.modules)
        if shown.is_new(installed, "types", sources.digest(sources.met(name)))
    ]
    project.tool("pre-commit", "run", "--all-files", SKIP="basedpyright")
    if new:
        project.tool("basedpyright", *new)
    project.tool("python", "tools/jaxcheck.pyz", "--verify")
    assert project.changes() == "", "the project's formatter changes files as rendered"


def new_tests(
    sources: Sources, installed: dict[str, str], shown: Shown, nightly: str | None
) -> Iterator[str]:
    """The files of a project's own tests that no other project has run on the same.

    By day each runs once, on the oldest interpreter or on the newest, whichever its project has;
    those in which all modules meet run with each release of what is installed.

    Args:
        sources: the project.
        installed: the releases of its packages.
        shown: what other projects have shown.
        nightly: at night the interpreter, each of which is to show everything.
    """
    for name in sources.tests:
        met = sources.met(name) | (sources.library if name in MEETING else set())
        if nightly:
            is_new = shown.is_new(installed, "tests", sources.digest(met), nightly)
        elif name in NIGHTLY:
            continue
        elif name in LONGEST:
            is_new = shown.is_new({}, "tests", name)
        else:
            shared = installed if name in MEETING else {}
            is_new = shown.is_new(shared, "tests", sources.digest(met))
        if is_new:
            yield name


def test_own_tests_pass(
    project: Project, python: str, sources: Sources, shown: Shown, nightly: bool
) -> None:
    installed = releases(project.environment)
    chosen = list(new_tests(sources, installed, shown, python if nightly else None))
    if chosen:
        project.tests(*chosen, SETTINGS_CASES="2000" if nightly else "100")
    assert project.changes() == ""
