"""A loss that stands out of its recent past does not move the weights."""

import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from . import tiny, tiny_task
from .altered import Altered, alter
from .project import reporting, storage, training

RECENT = training.spikes.RECENT
SAFETY = training.safety.SafetySettings(spike_threshold=10.0)
CHANGES = (
    "safety.spike_threshold=10.0",
    "safety.max_gradient_norm=1e9",
    "loop.steps=22",
    "loop.eval_every=22",
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.prepare(tmp_path_factory.mktemp("data"))


def spikes(losses, settings=SAFETY):
    """For each loss, whether it stands out."""
    params = {"weight": jnp.ones(2)}
    optimizer = training.spikes.watched(optax.sgd(0.1), settings)
    update, state, found = jax.jit(optimizer.update), optimizer.init(params), []
    for loss in losses:
        _, state = update(params, state, params, value=jnp.float32(loss))
        found.append(bool(state.spike))
    assert int(state.spikes) == sum(found)
    assert np.isfinite(state.losses).all()
    return found


def usual(count, seed=0):
    return (3.0 + 0.05 * np.random.default_rng(seed).normal(size=count)).tolist()


def test_single_spikes_stand_out_and_nothing_else_does():
    losses = usual(120)
    at = [RECENT, 40, 41, 42, 77]
    for step in at:
        losses[step] = 300.0
    assert np.flatnonzero(spikes(losses)).tolist() == at


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_losses_that_are_not_finite_are_no_spikes_and_not_remembered(bad):
    assert not any(spikes([*usual(RECENT), *[bad] * RECENT, *usual(10)]))


def test_nothing_stands_out_before_there_is_a_past():
    assert not any(spikes([*usual(RECENT - 1), 300.0]))
    assert spikes([*usual(RECENT), 300.0])[-1]


def test_a_level_that_stays_is_taken_for_the_new_one():
    found = spikes([*usual(40), *(100.0 * loss for loss in usual(60, seed=1))])
    assert np.flatnonzero(found).tolist() == list(range(40, 40 + RECENT // 2))
    default = training.safety.SafetySettings().max_consecutive_skips
    assert default > RECENT // 2  # or such a run would end


def test_a_loss_that_falls_does_not_stand_out():
    falling = np.geomspace(8.0, 0.01, 100)
    assert not any(spikes(falling))
    assert not any(spikes([2.0] * 40 + [2.1]))  # nor what is small beside the loss
    assert spikes([2.0] * 40 + [2.3])[-1]


def test_without_a_threshold_the_optimizer_is_as_it_was():
    params, plain = {"weight": jnp.ones(2)}, training.safety.SafetySettings()
    kept = training.spikes.watched(optax.adam(0.1), plain).init(params)
    assert jax.tree.structure(kept) == jax.tree.structure(optax.adam(0.1).init(params))


class Weighed:
    """An objective whose loss is as many times too high as its weights."""

    def __init__(self, objective):
        self._objective = objective

    def __call__(self, model, batch, key):
        means = self._objective(model, batch, key)
        total, weight = means["loss"]
        mean = training.metrics.Mean(total * jnp.max(batch["weights"]), weight)
        return {**means, "loss": mean}


def make(data, *changes):
    experiment = tiny.make(data, *CHANGES, *changes)
    return experiment.model_copy(update={"objective": Weighed(experiment.objective)})


def train(experiment, folder):
    run = storage.run_directory.RunDirectory(folder)
    with run.lock():
        outcome = training.loop.train(experiment, run)
    rows = reporting.writers.read_metrics(run.metrics)
    return outcome, {row["step"]: row for row in rows}


def heavier(*numbers):
    """A change of batches: some have weights 100 times too high."""

    def change(number, batch):
        return {**batch, "weights": 100 * batch["weights"]} if number in numbers else batch

    return change


@pytest.fixture
def spiked(monkeypatch):
    """The batches of steps 18 and 20 are bad ones in every run."""
    alter(monkeypatch, heavier(18, 20))


class StopAfter19(training.interruption.Interruption):
    """Behaves as if SIGTERM had come during step 19."""

    def requested(self, step):
        if step == 19:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().requested(step)


def host(state):
    return jax.device_get(state._replace(key=jax.random.key_data(state.key)))


@pytest.mark.parametrize(
    "changes",
    [
        ("mesh.data=8", *tiny_task.RANDOM),
        ("mesh.data=4", "mesh.model=2", "mesh.fsdp=true", "loop.micro_batches=2"),
    ],
)
def test_a_spike_is_skipped_and_a_resumed_run_agrees(data, tmp_path, monkeypatch, spiked, changes):
    experiment = make(data, *changes)
    outcome, rows = train(experiment, tmp_path / "whole")
    assert rows[18]["train/loss"] > 30 * rows[17]["train/loss"]
    told = {step: (row["train/spikes"], row["train/skipped"]) for step, row in rows.items()}
    assert told == {
        step: (float(spikes), float(spikes))
        for step in rows
        for spikes in [(step >= 18) + (step >= 20)]
    }
    assert rows[18]["train/consecutive_skips"] == 1 and rows[19]["train/consecutive_skips"] == 0

    with monkeypatch.context() as patched:
        patched.setattr(training.loop, "Interruption", StopAfter19)
        assert train(experiment, tmp_path / "cut")[0].signal == signal.SIGTERM
    resumed, again = train(experiment, tmp_path / "cut")
    assert [again[step]["train/loss"] for step in rows] == [
        rows[step]["train/loss"] for step in rows
    ]
    jax.tree.map(np.testing.assert_array_equal, host(resumed.state), host(outcome.state))


def test_a_skipped_spike_leaves_everything_but_the_losses(data):
    experiment = make(data)
    mesh = tiny.make_mesh()
    program = training.program.make_program(experiment, mesh)
    batches = Altered(tiny.batches(experiment), heavier(RECENT + 1))
    with jax.set_mesh(mesh):
        state, batch = program.initial_state(), program.put(next(batches))
        step = program.compile_train_step(batch)
        for _ in range(RECENT):
            state, _ = step(state, batch)
            batch = program.put(next(batches))
        before = host(state)
        state, metrics = step(state, batch)
    after = host(state)
    assert (int(after.skipped), float(metrics["spikes"])) == (1, 1)
    for name in ("params", "variables"):
        jax.tree.map(np.testing.assert_array_equal, getattr(after, name), getattr(before, name))
    jax.tree.map(np.testing.assert_array_equal, after.opt_state.inner, before.opt_state.inner)
    assert (after.opt_state.losses != before.opt_state.losses).sum() == 1
