"""A run that cannot learn from a stretch of its data goes back, passes over it and goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest

from . import tiny, tiny_task
from .altered import alter
from .project import errors, reporting, storage, training
from .test_resume import losses, run_in, training_arrays
from .test_training import poison
from .watched import unchanged

CHANGES = ("safety.max_consecutive_skips=3", *tiny_task.RANDOM)
BAD = range(4, 7)


def train(run, experiment):
    with run.lock():
        return training.loop.train(experiment, run, tiny.make_mesh())


def spoil(patch, bad=(), missing=()):
    """Let some batches of all runs be poisoned, or missing."""

    def change(number, batch):
        if number in missing:
            return None
        return poison(batch) if number in bad else batch

    alter(patch, change)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.prepare(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module", autouse=True)
def _made_once():
    """All runs share a program, which takes longer to make than they do, and draw no curves."""
    make, made = training.loop.make_program, []

    def share(experiment, mesh, run):
        made.extend([] if made else [make(experiment, mesh, run)])
        vars(made[0]).update(experiment=experiment)
        return made[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.loop, "make_program", share)
        patch.setattr(reporting.curves, "plot_curves", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run that goes back once: the run, its metrics and its last state."""
    run = run_in(tmp_path_factory.mktemp("runs") / "whole")
    with pytest.MonkeyPatch.context() as patch:
        spoil(patch, bad=BAD)
        outcome = train(run, tiny.make(data, *CHANGES))
    return run, losses(run), jax.device_get(training_arrays(outcome.state))


def assert_equal(outcome, run, expected):
    assert losses(run) == expected[1]
    state = jax.device_get(training_arrays(outcome.state))
    jax.tree.map(np.testing.assert_array_equal, state, expected[2])


def test_the_run_is_one_whose_data_never_had_the_batches(data, whole, tmp_path, monkeypatch):
    spoil(monkeypatch, missing=BAD)
    run = run_in(tmp_path / "run")
    assert_equal(train(run, tiny.make(data, *CHANGES)), run, whole)
    assert [row["step"] for row in losses(run)] == list(range(1, 11))
    assert not run.rollbacks.exists() and whole[0].rollbacks.exists()


def test_a_rollback_is_told_and_kept(data, whole):
    (record,) = json.loads(whole[0].rollbacks.read_text())
    assert (record["step"], record["first_skipped_step"], record["loss"]) == (6, 4, "nan")
    assert list(record["batches"]) == ["4", "5", "6"]
    experiment = tiny.make(data, *CHANGES)
    assert all(len(each) == experiment.data.batch_size for each in record["batches"].values())
    assert record["modules"].keys() == whole[2].params.keys()
    kept = json.loads((whole[0].checkpoints / "10" / storage.digests.METADATA).read_text())
    assert kept["custom_metadata"]["passed_over"] == [[4, 6]]


class StopAtCall(training.interruption.Interruption):
    """Behaves as if SIGTERM had come while a step is made, the steps made again counted too."""

    at, calls = 0, 0

    def requested(self, step):
        self.calls += 1
        if self.calls == self.at:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().requested(step)


@pytest.mark.parametrize(
    ("at", "saved"),
    [
        (5, 5),  # among them: a checkpoint whose last updates were skipped
        (6, 2),  # as the run is about to go back
        (7, 3),  # on the way to where it goes on
    ],
)
def test_a_run_stopped_anywhere_goes_on_bit_for_bit(data, whole, tmp_path, monkeypatch, at, saved):
    run, experiment = run_in(tmp_path / "run"), tiny.make(data, *CHANGES)
    spoil(monkeypatch, bad=BAD)
    monkeypatch.setattr(StopAtCall, "at", at)
    with monkeypatch.context() as patched:
        patched.setattr(training.loop, "Interruption", StopAtCall)
        assert train(run, experiment).signal == signal.SIGTERM
    assert storage.retention.saved_steps(run.checkpoints)[-1] == saved
    assert_equal(train(run, experiment), run, whole)
    told = run.rollbacks.read_text().replace(str(run.path), str(whole[0].path))
    assert told == whole[0].rollbacks.read_text()


def test_a_step_can_be_replayed_as_it_was_before_a_rollback(data, whole, monkeypatch):
    spoil(monkeypatch, bad=BAD)
    monkeypatch.setattr(training.replay, "training_batches", training.loop.training_batches)
    run, experiment = whole[0], tiny.make(data, *CHANGES)
    with unchanged(run.path):
        found = training.replay.replay(experiment, run, 5, rollback=1)
    assert (found.start, found.batch) == (0, 5)  # the checkpoints from before it are gone
    (part,) = found.parts
    assert np.isnan(part.loss) and part.output is None  # of the modules, that is
    assert found.broken == "NaN or Inf in weights"
    assert found.origins == json.loads(run.rollbacks.read_text())[0]["batches"]["5"]


def train_spoiled(folder, data, *changes):
    """What a process of its own does, some of whose batches are bad."""
    spoil(pytest.MonkeyPatch(), bad=BAD)
    train(run_in(Path(folder)), tiny.make(Path(data), *CHANGES, *changes))


def test_sigkill_after_a_rollback(data, whole, tmp_path, monkeypatch):
    run = run_in(tmp_path / "run")
    program = f"import sys; from {__name__} import train_spoiled as run; run(*sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(run.path), str(data)],
        env={**os.environ, "JAX_NUM_CPU_DEVICES": "1"},
        cwd=Path(__file__).parents[1],
    )
    while process.poll() is None and not run.rollbacks.exists():
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    spoil(monkeypatch, bad=BAD)
    assert_equal(train(run, tiny.make(data, *CHANGES)), run, whole)


def test_the_checkpoint_to_go_back_to_stays(data, whole, tmp_path, monkeypatch):
    """Though newer ones are kept, all of them of skipped updates; else the run begins anew."""
    few = ("checkpoint.every=1", "checkpoint.keep=1")
    run = run_in(tmp_path / "run")
    spoil(monkeypatch, bad=BAD)
    left = []

    def look(program, step):
        left.extend(storage.retention.saved_steps(run.checkpoints))

    monkeypatch.setattr(training.program.Program, "restart", look)
    assert_equal(train(run, tiny.make(data, *CHANGES, *few)), run, whole)
    assert left == [3]


def test_bad_batches_before_the_first_checkpoint(data, tmp_path, monkeypatch):
    ends = []
    for name, batches in (("bad", {"bad": range(1, 4)}), ("without", {"missing": range(1, 4)})):
        with monkeypatch.context() as patched:
            spoil(patched, **batches)
            run = run_in(tmp_path / name)
            outcome = train(run, tiny.make(data, *CHANGES, "checkpoint.every=10"))
            ends.append((run, losses(run), jax.device_get(training_arrays(outcome.state))))
    (bad, *_), without = ends
    assert ends[0][1] == without[1] and bad.rollbacks.exists()
    jax.tree.map(np.testing.assert_array_equal, ends[0][2], without[2])


def test_rollbacks_come_to_an_end(data, tmp_path, monkeypatch):
    """Batches 4 to 6, then 7 to 9, then there may be no more."""
    run = run_in(tmp_path / "run")
    spoil(monkeypatch, bad=range(4, 100))
    experiment = tiny.make(data, *CHANGES, "safety.max_rollbacks=2")
    with pytest.raises(errors.Diverged, match=r"skipped \(step=6, .*rollbacks=2 .* 10 to 12 "):
        train(run, experiment)
    passed = [list(record["batches"]) for record in json.loads(run.rollbacks.read_text())]
    assert passed == [["4", "5", "6"], ["7", "8", "9"]]
    report = json.loads(run.diverged.read_text())
    assert (report["step"], report["batch"]) == (6, 12)
    assert report["passed_over_before"] == [[4, 6], [7, 9]]
    assert report["replay"].endswith(f"replay --run-dir {run.path} --step 6")


def test_which_batch_a_step_trains_on():
    batch_of, passed = training.rollback.batch_of, [(3, 4)]
    assert [batch_of(step, passed) for step in range(1, 6)] == [1, 2, 5, 6, 7]
    passed += [(6, 6), (2, 7)]  # the last one holds both
    assert [batch_of(step, passed) for step in range(1, 4)] == [1, 8, 9]
    passed += [(9, 10)]
    assert [batch_of(step, passed) for step in range(1, 5)] == [1, 8, 11, 12]
    batches = training.rollback.passing_over(iter(range(2, 20)), 1, passed)
    assert [next(batches) for _ in range(3)] == [8, 11, 12]
