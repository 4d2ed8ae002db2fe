"""The language project on both stacks of jax: clean, tested, trained, resumed exactly."""

import random
import subprocess

import pytest

from . import training
from .conftest import Project, environment

QUALITY = 3.6
"""Bits per byte of held-out text that the `smoke` experiment must reach."""


@pytest.fixture(scope="module")
def smoke(project: Project) -> str:
    """The run directory of an uninterrupted run of `smoke`."""
    training.finish(project, "runs/smoke")
    return "runs/smoke"


def test_linter_formatter_and_type_checker_are_content(project: Project) -> None:
    project.tool("ruff", "check")
    project.tool("ruff", "format")
    assert project.changes() == "", "the project's formatter changes files as rendered"
    project.tool("basedpyright")


def test_hooks_pass_and_find_what_an_update_may_leave(project: Project) -> None:
    project.tool("pre-commit", "run", "--all-files")
    planted = project.path / "notes.txt"
    planted.write_text("<<<<<<< before updating\nmine\n=======\ntheirs\n>>>>>>> after updating\n")
    rejected = project.path / "data.py.rej"
    rejected.write_text("a hunk\n")
    subprocess.run(["git", "add", "notes.txt", "data.py.rej"], cwd=project.path, check=True)
    try:
        for hook in ("conflict-markers", "rejected-hunks"):
            run = [project.path / ".venv" / "bin" / "pre-commit", "run", hook, "--all-files"]
            result = subprocess.run(
                run, cwd=project.path, env=environment(), capture_output=True, check=False
            )
            assert result.returncode == 1, hook
    finally:
        subprocess.run(["git", "rm", "-q", "-f", planted, rejected], cwd=project.path, check=True)


def test_own_tests_pass(project: Project) -> None:
    project.tool("pytest", "-q")
    assert project.changes() == ""


def test_smoke_reaches_its_quality(project: Project, smoke: str) -> None:
    reached = training.series(project, smoke, "eval/bits_per_byte")
    final = reached[max(reached)]
    seconds = [record["time"] for record in training.metrics(project, smoke)]
    print(f"{final:.4f} bits per byte at step {max(reached)}, {seconds[-1] - seconds[0]:.0f} s")
    assert final <= QUALITY
    losses = training.series(project, smoke, "train/loss")
    assert max(losses) == max(reached), "the last step is not evaluated"


def test_run_directory_is_complete(project: Project, smoke: str) -> None:
    names = {path.name for path in (project.path / smoke).iterdir()}
    expected = {"metrics.jsonl", "config.txt", "config.json", "environment.json", "curves.png"}
    assert expected <= names
    assert project.changes() == "", "training changes files that git tracks"


def test_model_continues_a_text(project: Project, smoke: str) -> None:
    run = ("-m", project.package, "generate", "--run-dir", smoke, "--prompt", "def ")
    assert len(project.tool("python", *run).stdout.strip()) > len("def ")


def test_model_is_evaluated(project: Project, smoke: str) -> None:
    told = project.tool("proof-lab", "evaluate", "--run-dir", smoke, "--batches", "8").stdout
    assert "bits_per_byte" in told


def test_killed_run_resumes_bit_for_bit(project: Project, smoke: str) -> None:
    losses = training.series(project, smoke, "eval/loss")
    steps = max(losses)
    moments = sorted(random.Random(steps).sample(range(steps // 10, steps * 9 // 10), 3))
    for moment in moments:
        training.kill_at(project, "runs/killed", moment)
    training.finish(project, "runs/killed")
    print(f"killed at steps {moments} of {steps}")
    assert training.series(project, "runs/killed", "eval/loss") == losses
    for metric in ("train/loss", "train/grad_norm"):
        killed = training.series(project, "runs/killed", metric)
        assert killed == training.series(project, smoke, metric)


def test_environment_follows_the_interpreter(project: Project, python: str) -> None:
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout
    assert project.tool("python", "-V").stdout == version
    stack = project.tool(
        "python", "-c", "import jax, flax; print(jax.__version__, flax.__version__)"
    )
    pair = tuple(stack.stdout.split())
    oldest = version.startswith("Python 3.11.")
    assert pair[0].startswith("0.10." if oldest else "0.12.")
    assert (pair[1] == "0.12.8") == oldest
