"""An interrupted run that is resumed equals one that never was, bit for bit."""

import os
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from . import tiny, tiny_task
from .project import errors, hooks, package, reporting, storage, training

CHANGES = ("mesh.data=8", *tiny_task.RANDOM)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.prepare(tmp_path_factory.mktemp("data"))


def run_in(folder):
    return storage.run_directory.RunDirectory(folder)


def train(run, experiment):
    with run.lock():
        return training.loop.train(experiment, run)


def losses(run):
    """Everything in metrics.jsonl that does not depend on the clock."""
    return [
        {
            name: value
            for name, value in row.items()
            if name != "time" and not name.endswith("_per_second")
        }
        for row in reporting.writers.read_metrics(run.metrics)
    ]


@pytest.fixture(scope="module", autouse=True)
def _traced_once():
    """Runs of one experiment share its program, which takes longer to trace than to run."""
    make, made = training.loop.make_program, {}

    def make_once(experiment, mesh, run):
        key = (repr(experiment), mesh)
        if key not in made:
            made[key] = make(experiment, mesh, run)
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.loop, "make_program", make_once)
        yield


@pytest.fixture(scope="module")
def uninterrupted(data, tmp_path_factory):
    run = run_in(tmp_path_factory.mktemp("runs") / "whole")
    outcome = train(run, tiny.make(data, *CHANGES))
    return losses(run), jax.device_get(training_arrays(outcome.state))


def training_arrays(state):
    return state._replace(key=jax.random.key_data(state.key))


class StopAfter(training.interruption.Interruption):
    """Behaves as if SIGTERM had come during one step."""

    at = 0

    def requested(self, step):
        if step == self.at:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().requested(step)


@pytest.mark.parametrize("at", [1, 5, 9])
def test_sigterm_at_any_step(data, uninterrupted, tmp_path, monkeypatch, at):
    run, experiment = run_in(tmp_path / "run"), tiny.make(data, *CHANGES)
    monkeypatch.setattr(StopAfter, "at", at)
    with monkeypatch.context() as patched:
        patched.setattr(training.loop, "Interruption", StopAfter)
        outcome = train(run, experiment)
    assert (outcome.step, outcome.signal) == (at, signal.SIGTERM)
    assert [row["step"] for row in losses(run)] == list(range(1, at + 1))
    outcome = train(run, experiment)
    assert (outcome.step, outcome.signal) == (10, None)
    expected_rows, expected_state = uninterrupted
    assert losses(run) == expected_rows
    state = jax.device_get(training_arrays(outcome.state))
    jax.tree.map(np.testing.assert_array_equal, state, expected_state)


def test_sigterm_after_a_step_was_asked_for_waits_for_the_next(data, tmp_path, monkeypatch):
    """One that comes while metrics are written must not end the run without a checkpoint."""

    class SignalledReport(training.report.Report):
        def write(self, step, train, evaluations=None):
            super().write(step, train, evaluations)
            if step == 3:
                os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(training.loop, "Report", SignalledReport)
    run = run_in(tmp_path / "run")
    outcome = train(run, tiny.make(data, *CHANGES))
    assert outcome.signal == signal.SIGTERM
    assert (run.checkpoints / str(outcome.step)).is_dir()


def test_a_damaged_checkpoint_falls_back_to_the_one_before(data, uninterrupted, tmp_path):
    run, experiment = run_in(tmp_path / "run"), tiny.make(data, *CHANGES)
    train(run, experiment)
    newest = run.checkpoints / "10"
    damaged = [path for path in newest.rglob("*") if path.is_file() and path.parent.name == "d"]
    for path in damaged:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert damaged
    outcome = train(run, experiment)
    expected_rows, expected_state = uninterrupted
    assert losses(run) == expected_rows
    state = jax.device_get(training_arrays(outcome.state))
    jax.tree.map(np.testing.assert_array_equal, state, expected_state)
    assert (run.checkpoints / "damaged-10").is_dir()


def test_resuming_on_another_mesh_goes_on_learning(data, uninterrupted, tmp_path, monkeypatch):
    run = run_in(tmp_path / "run")
    monkeypatch.setattr(StopAfter, "at", 6)
    with monkeypatch.context() as patched:
        patched.setattr(training.loop, "Interruption", StopAfter)
        train(run, tiny.make(data, *CHANGES))
    other = tiny.make(data, "mesh.model=2", "mesh.data=4", "mesh.fsdp=true", *tiny_task.RANDOM)
    assert train(run, other).step == 10
    for row, expected in zip(losses(run), uninterrupted[0], strict=True):
        assert row["train/loss"] == pytest.approx(expected["train/loss"], rel=0.02)


def test_checkpoints_of_another_model_are_left_alone(data, tmp_path):
    run = run_in(tmp_path / "run")
    train(run, tiny.make(data, *CHANGES))
    before = sorted(path.name for path in run.checkpoints.iterdir())
    averaging = tiny.make(data, *CHANGES).model_copy(update={"hooks": (hooks.ema.EMA(),)})
    for other in (tiny.make(data, *CHANGES, tiny_task.OTHER_MODEL), averaging):
        with pytest.raises(errors.UserError, match=r"no checkpoint .* fits this .* EMA") as caught:
            train(run, other)
        assert len(str(caught.value)) < 700 and "\n" not in str(caught.value)
    assert sorted(path.name for path in run.checkpoints.iterdir()) == before


def test_sigkill_in_the_middle_of_a_run(data, uninterrupted, tmp_path):
    """The command line, killed between two checkpoints; then the run goes on."""
    run, expected = run_in(tmp_path / "run"), uninterrupted[0]
    words = [f"--config={each}" for each in tiny.directives(data, *CHANGES)]
    process = subprocess.Popen(
        [sys.executable, "-m", package.__name__, "train", "--run-dir", str(run.path), *words],
        env={**os.environ, "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "8"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not (run.metrics.exists() and len(losses(run)) >= 4):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 4 <= losses(run)[-1]["step"] < 10
    outcome = train(run, tiny.make(data, *CHANGES))
    assert losses(run) == expected
    state = jax.device_get(training_arrays(outcome.state))
    jax.tree.map(np.testing.assert_array_equal, state, uninterrupted[1])
