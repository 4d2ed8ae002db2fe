"""Every optimizer of `optimizer.py`, and frozen weights, where Tunix makes the steps."""

import os
import signal

import jax
import numpy as np
import pytest

from . import tiny_methods
from .project import optimizer, training

Group = training.groups.Group
FROZEN = {"still": Group(patterns=("blocks.attention.*", "embedding"), frozen=True)}
FACTORS = {"still": Group(patterns=("feed_forward.*",), frozen=True)}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_methods.prepare(tmp_path_factory.mktemp("data"))


def make(data, method, name, **values):
    experiment = tiny_methods.make(method, data)
    values |= {"learning_rate": 3e-3, "schedule": experiment.optimizer.schedule}
    made = getattr(optimizer, name)(**values)
    return experiment.model_copy(update={"optimizer": made})


@pytest.mark.parametrize("name", ["Muon", "Lion", "Adafactor", "SGD"])
def test_each_changes_the_weights(data, tmp_path, name):
    experiment = make(data, "sft", name, groups={"slow": Group(patterns=("norm.*",), rate=0.5)})
    state = tiny_methods.train(experiment, tmp_path / "run").state
    fresh = tiny_methods.make_program(experiment).initial_state()
    changed = jax.tree.map(lambda a, b: bool(np.any(a != b)), state.params, fresh.params)
    assert all(jax.tree.leaves(changed))
    rows = tiny_methods.run_in(tmp_path / "run").metrics.read_text()
    assert "train/learning_rate/slow" in rows


@pytest.mark.parametrize(
    ("method", "name", "groups"),
    [
        ("sft", "ScheduleFreeAdamW", {}),
        ("dpo", "Muon", {"still": Group(patterns=("embedding",), frozen=True)}),
        ("sft_lora", "AdamW", FACTORS),
        ("grpo", "AdamW", FROZEN),
        ("ppo", "AdamW", FROZEN),
        ("distill", "AdamW", FROZEN),
    ],
)
def test_a_stopped_run_goes_on_and_what_is_frozen_stays(
    data, tmp_path, monkeypatch, method, name, groups
):
    experiment = make(data, method, name, groups=groups)
    if method == "distill":
        teacher = tiny_methods.train(make(data, "sft", "AdamW"), tmp_path / "teacher")
        assert teacher.step == 4
        settings = make(data, "sft", "AdamW").model
        update = {"teacher": str(tmp_path / "teacher"), "teacher_model": settings}
        experiment = experiment.model_copy(
            update={"method": experiment.method.model_copy(update=update)}
        )
    expected = tiny_methods.train(experiment, tmp_path / "whole").state

    class StopAfterTwo(training.interruption.Interruption):
        def requested(self, step):
            if step == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().requested(step)

    with monkeypatch.context() as patched:
        patched.setattr(training.loop, "Interruption", StopAfterTwo)
        begun = tiny_methods.train(experiment, tmp_path / "stopped").state
    state = tiny_methods.train(experiment, tmp_path / "stopped").state
    compare = np.testing.assert_array_equal
    jax.tree.map(compare, state.params, expected.params)
    jax.tree.map(compare, state.variables, begun.variables)
    assert bool(jax.tree.leaves(state.variables)) == bool(groups)
    moved = jax.tree.map(lambda a, b: bool(np.any(a != b)), state.params, begun.params)
    assert any(jax.tree.leaves(moved))


def test_a_run_starts_from_weights_some_of_which_were_frozen(data, tmp_path):
    first = make(data, "sft", "AdamW", groups=FROZEN)
    trained = tiny_methods.train(first, tmp_path / "first").state
    second = make(data, "dpo", "AdamW").model_copy(
        update={"start_from": str(tmp_path / "first"), "model": first.model}
    )
    state = tiny_methods.make_program(second, tmp_path / "second").initial_state()
    np.testing.assert_array_equal(state.params["norm"]["scale"], trained.params["norm"]["scale"])
    frozen = trained.variables["embedding"].astype("float32")
    np.testing.assert_array_equal(state.params["embedding"], frozen)
