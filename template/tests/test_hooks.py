"""Hooks and evaluations: each does what it says, and a resumed run goes on as if never stopped."""

import functools
import json
import signal
from collections.abc import Mapping

import jax
import numpy as np
import pytest

from . import tiny
from .project import errors, hooks, reporting, storage, training

Evaluation = training.experiment.Evaluation
BestCheckpoint = hooks.monitoring.BestCheckpoint
EarlyStopping = hooks.monitoring.EarlyStopping

EVERY = (
    BestCheckpoint(),
    EarlyStopping(patience=9),
    hooks.ema.EMA(decay=0.5),
    hooks.statistics.ModuleStatistics(),
    hooks.profiler.Profiler(first=3, last=4),
)


class Counts(training.hook.Hook):
    """Stops a run at a step, the first time only; a hook as a user writes one."""

    stop_at: int = 0

    def after_step(self, run, step, metrics):
        run.memory["losses"] = [*run.memory.get("losses", []), metrics["loss"]]
        if step == self.stop_at:
            run.stop("enough")


class Targets:
    """A metric that needs all examples: how many there are, and what is in the last one."""

    def collect(self, outputs, batch):
        (first, *_) = outputs.values()
        return {"weights": batch["weights"], "outputs": first}

    def compute(self, examples: Mapping[str, np.ndarray]) -> dict[str, float]:
        return {
            "examples": float(len(examples["weights"])),
            "last_weight": float(examples["weights"][-1].max()),
        }


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.prepare(tmp_path_factory.mktemp("data"))


def make(data, *chosen, evaluations=None, changes=()):
    experiment = tiny.make(data, "mesh.data=8", *changes)
    parts = {"hooks": chosen} | ({"evaluations": evaluations} if evaluations else {})
    return experiment.model_copy(update=parts)


def train(experiment, folder):
    run = storage.run_directory.RunDirectory(folder)
    with run.lock():
        return run, training.loop.train(experiment, run)


def rows(run):
    return reporting.writers.read_metrics(run.metrics)


def timeless(run):
    """Everything in metrics.jsonl that does not depend on the clock."""
    clock = ("time", "_per_second")
    return [
        {name: row[name] for name in row if not name.endswith(clock)}
        for row in reporting.writers.read_metrics(run.metrics)
    ]


def column(run, name):
    return [row[name] for row in rows(run) if name in row]


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run with every hook and three evaluations."""
    evaluations = {
        "eval": Evaluation(),
        "ema": Evaluation(weights="ema", every=2, batches=1),
        "all": Evaluation(split="test", every=10, batches=10**6, metrics=(Targets(),)),
    }
    chosen = EVERY
    experiment = make(data, *chosen, evaluations=evaluations)
    if isinstance(experiment.prediction, training.prediction.WritesSamples):
        chosen = (*chosen, hooks.samples.Samples())
    if isinstance(experiment.prediction, training.prediction.Calibrates):
        chosen = (*chosen, hooks.calibration.Calibration())
    experiment = experiment.model_copy(update={"hooks": chosen})
    run, outcome = train(experiment, tmp_path_factory.mktemp("runs") / "whole")
    return experiment, run, outcome


def test_a_run_with_every_hook_resumes_bit_for_bit(whole, tmp_path, monkeypatch):
    experiment, run, outcome = whole

    class StopAfterSix(training.interruption.Interruption):
        def requested(self, step):
            self.signal = self.signal or (signal.SIGTERM if step == 6 else None)
            return super().requested(step)

    with monkeypatch.context() as patched:
        patched.setattr(training.loop, "Interruption", StopAfterSix)
        _, first = train(experiment, tmp_path / "run")
    assert first.step == 6
    resumed, second = train(experiment, tmp_path / "run")
    assert timeless(resumed) == timeless(run)
    states = (each.state._replace(key=()) for each in (outcome, second))
    jax.tree.map(np.testing.assert_array_equal, *states)


def test_evaluations_come_as_often_as_they_say_on_what_they_say(whole):
    experiment, run, _ = whole
    steps = {
        name: [row["step"] for row in rows(run) if f"{name}/loss" in row]
        for name in experiment.evaluations
    }
    assert steps == {"eval": [5, 10], "ema": [2, 4, 6, 8, 10], "all": [10]}


def test_metrics_of_all_examples_leave_padding_out(whole):
    experiment, run, _ = whole
    batches = experiment.data.eval_batches("test", limit=None, process=0, processes=1)
    weights = np.concatenate([batch["weights"] for batch in batches])
    real = weights.reshape(len(weights), -1).any(axis=1)
    assert column(run, "all/examples") == [real.sum()]
    assert column(run, "all/last_weight") == [weights[real][-1].max()]


def test_the_average_is_that_of_the_weights(data, tmp_path):
    decay, seen = 0.5, []

    class Watch(training.hook.Hook):
        def after_step(self, run, step, metrics):
            seen.append(jax.device_get(run.state.params))

    experiment = make(data, hooks.ema.EMA(decay=decay), Watch(), changes=("loop.eval_every=1",))
    fresh, _ = tiny.run_steps(experiment, tiny.make_mesh(data=8), 0)
    _, outcome = train(experiment, tmp_path / "run")
    expected = jax.device_get(fresh.params)
    for made, params in enumerate(seen):
        share = decay * (1 + made) / (10 + made)
        expected = jax.tree.map(lambda a, b, s=share: s * a + (1 - s) * b, expected, params)
    found = training.averaging.with_weights(outcome.state, "ema").params
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    jax.tree.map(close, found, expected)


def test_without_the_hook_there_is_no_average(data):
    state, _ = tiny.run_steps(tiny.make(data), tiny.make_mesh(), 0)
    with pytest.raises(errors.UserError, match="add the hook EMA"):
        training.averaging.with_weights(state, "ema")


def test_the_average_is_sharded_like_the_weights(whole):
    state = whole[2].state
    average = training.averaging.with_weights(state, "ema").params
    assert jax.tree.map(lambda leaf: leaf.sharding, average) == jax.tree.map(
        lambda leaf: leaf.sharding, state.params
    )


def test_statistics_are_norms_of_modules(whole):
    _, run, outcome = whole
    last = rows(run)[-1]
    ratios = "train/update_to_weight/"
    modules = [name.removeprefix(ratios) for name in last if name.startswith(ratios)]
    assert {module.partition(".")[0] for module in modules} == set(outcome.state.params)
    total = sum(last[f"train/grad_norm/{module}"] ** 2 for module in modules)
    assert total**0.5 == pytest.approx(last["train/grad_norm"], rel=1e-4)
    for module in modules:
        ratio = last[f"train/update_norm/{module}"] / last[f"train/weight_norm/{module}"]
        assert last[f"train/update_to_weight/{module}"] == pytest.approx(ratio, rel=1e-4)


def test_a_profile_is_recorded_and_told(whole):
    folder = whole[1].path / "profile"
    assert list(folder.rglob("*.xplane.pb")) and list(folder.rglob("*.trace.json.gz"))
    header, *lines = (folder / "operations.txt").read_text().splitlines()
    assert header.split() == ["ms", "share", "calls", "operation"]
    times = [float(line.split()[0]) for line in lines]
    assert 1 <= len(lines) <= 10 and times == sorted(times, reverse=True) and times[0] > 0


def test_samples_are_written_at_each_evaluation(whole):
    experiment, run, _ = whole
    if not isinstance(experiment.prediction, training.prediction.WritesSamples):
        pytest.skip("the prediction writes no samples")
    written = sorted(path.stem for path in (run.path / "samples").iterdir())
    assert written == ["eval-10", "eval-5"]
    assert all(path.stat().st_size for path in (run.path / "samples").iterdir())


def test_the_best_checkpoint_stays_and_can_be_chosen(data, tmp_path):
    """The first evaluation counts as the best where a higher loss is better."""
    best = BestCheckpoint(mode="max")
    changes = ("loop.eval_every=1", "checkpoint.every=1", "checkpoint.keep=2")
    run, _ = train(make(data, best, changes=changes), tmp_path / "run")
    losses = dict(zip(range(1, 11), column(run, "eval/loss"), strict=True))
    expected = max(losses, key=losses.__getitem__)
    steps = {int(path.name) for path in run.checkpoints.iterdir() if path.name.isdigit()}
    assert steps == {expected, 9, 10}
    with storage.checkpoints.Checkpoints(
        run.checkpoints, storage.checkpoints.CheckpointSettings(), read_only=True
    ) as checkpoints:
        assert list(best.preserves(checkpoints.saved)) == [expected]


@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_best_of_equal_or_missing_values(mode):
    best = BestCheckpoint(mode=mode)
    sign = 1 if mode == "min" else -1
    saved = {1: {}, 2: {"eval/loss": sign * 2.0}, 3: {"eval/loss": sign * 2.0}, 4: {"other": 0.0}}
    assert list(best.preserves(saved)) == [2]
    assert list(best.preserves({1: {}})) == []


def test_a_run_that_does_not_improve_stops_and_stays_stopped(data, tmp_path):
    stopping = EarlyStopping(mode="max", patience=1, min_delta=10.0)
    experiment = make(data, stopping, changes=("loop.eval_every=2", "checkpoint.every=5"))
    run = storage.run_directory.RunDirectory(tmp_path / "run")
    for _ in range(2):  # the second start finds the run ended
        _, outcome = train(experiment, run.path)
        assert (outcome.step, outcome.signal) == (4, None)
        assert outcome.reason == "eval/loss has not improved in the last evaluation"
    assert (run.checkpoints / "4").is_dir()


def test_a_hook_of_ones_own_remembers_and_stops(data, tmp_path):
    experiment = make(data, Counts(stop_at=3), changes=("checkpoint.every=2",))
    run, outcome = train(experiment, tmp_path / "run")
    assert outcome.reason == "enough" and outcome.step == 4  # numbers come one step late
    assert [row["step"] for row in rows(run)] == [1, 2, 3, 4]
    # With other settings it is another hook, which remembers nothing.
    run, outcome = train(make(data, Counts()), tmp_path / "run")
    assert (outcome.step, outcome.reason) == (10, None)
    metadata = json.loads((run.checkpoints / "10" / "_CHECKPOINT_METADATA").read_text())
    (memory,) = metadata["custom_metadata"]["hooks"].values()
    assert memory["losses"] == column(run, "train/loss")[4:]


def test_memory_that_cannot_be_saved_is_refused():
    hook = Counts()
    memory = {repr(hook): {"array": np.zeros(2)}}
    with pytest.raises(errors.UserError, match="JSON's types alone"):
        print(training.hook.Hooks((hook,), memory).memories)


def test_a_metric_that_is_not_there_is_named(data, tmp_path):
    with pytest.raises(errors.UserError, match=r"no metric eval/los; there are eval/"):
        train(make(data, BestCheckpoint(metric="eval/los")), tmp_path / "run")


def test_a_nan_is_stopped_at_its_operation(data):
    experiment = tiny.make(data, "safety.debug_nans=True")
    mesh = tiny.make_mesh()
    program = training.program.make_program(experiment, mesh)
    batch = next(tiny.batches(experiment))
    with jax.set_mesh(mesh):
        step = program.compile_train_step(program.put(batch))
        state, metrics = step(program.initial_state(), program.put(batch))
        assert np.isfinite(float(metrics["loss"]))
        bad = {**batch, "weights": np.full_like(batch["weights"], np.nan)}
        with pytest.raises(errors.Diverged, match=r"step 2: nan generated by .*\.py:\d+"):
            step(state, program.put(bad))


def test_one_batch_again_and_again(data, tmp_path):
    experiment = tiny.make(data, "loop.overfit_batches=2")
    taken = training.batches.training_batches(experiment)
    first = [next(taken) for _ in range(5)]
    for name in first[0]:
        np.testing.assert_array_equal(first[0][name], first[2][name])
        np.testing.assert_array_equal(first[1][name], first[3][name])
    again = training.batches.training_batches(experiment)
    again.set_state(taken.get_state())
    np.testing.assert_array_equal(next(again)["weights"], first[1]["weights"])
