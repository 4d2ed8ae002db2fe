"""A run that an earlier release began goes on under the present one, as if nothing had changed."""

import re
from pathlib import Path

import pytest

from ..support import history, updating
from . import projects, training
from .projects import Project
from .shown import releases

VERSION = "v0.4.1"
CHANGES = (
    *("loop.steps=12", "loop.eval_every=6", "loop.eval_batches=2", "checkpoint.every=2"),
    "data.batch_size=8",
)
METRICS = ("train/loss", "train/grad_norm", "eval/loss")
COMPUTING = ("jax", "jaxlib", "flax", "optax")
TASKS = ("language", "image", "tabular", "forecasting", "post-training")


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(task, marks=[] if task == "language" else [pytest.mark.nightly])
        for task in TASKS
    ],
)
@pytest.mark.xdist_group("old runs")
def test_a_run_of_an_earlier_release_goes_on(
    tmp_path: Path,
    environments: Path,
    oldest: str,
    task: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # They compile much and compute little.
    monkeypatch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")
    repository = history.clone(tmp_path / "copier-jax")
    path = updating.copy(repository, VERSION, tmp_path / "kept", task=task)
    project = Project(path, updating.PACKAGE, projects.install(path, oldest, environments))
    before = releases(project.environment)
    history.commit(path)
    if task == "language":  # the sample is larger than these few steps need
        project.command("prepare", "--source", f"{updating.SOURCES}/**/*.py")
    training.finish(project, "runs/whole", "smoke", *CHANGES)
    # The first checkpoint is complete, for the second was begun, and step 6 compiles an evaluation.
    training.kill_at(project, "runs/killed", 5, "smoke", *CHANGES)

    updating.update(path, history.WORKING_TREE)
    projects.install(path, oldest, environments)
    training.finish(project, "runs/killed", "smoke", *CHANGES)

    told = training.log_file(project, "runs/killed").read_text()
    assert re.search("resuming after step [24] of 12", told), told
    # An update keeps what the project has locked. The library's step is another program, though,
    # and XLA may add in another order: that of tabular does.
    after = releases(project.environment)
    assert [before[name] for name in COMPUTING] == [after[name] for name in COMPUTING]
    for metric in METRICS:
        expected = training.series(project, "runs/whole", metric)
        assert training.series(project, "runs/killed", metric) == pytest.approx(expected, rel=1e-5)
