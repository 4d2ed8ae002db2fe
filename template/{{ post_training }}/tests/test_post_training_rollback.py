"""Runs whose steps Tunix makes go back from bad batches, too."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from . import tiny_methods
from .project import post_training
from .test_post_training_resume import measured
from .test_rollback import spoil

CHANGES = ("safety.max_consecutive_skips=2", "checkpoint.every=1")
BAD = (2, 3)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_methods.prepare(tmp_path_factory.mktemp("data"))


def poison_steps(patch, experiment):
    """Let the steps on the bad batches find weights that are NaN, so that their gradients are."""
    batches = itertools.islice(tiny_methods.batches(experiment), max(BAD))
    bad = [batch["prompt"] for number, batch in enumerate(batches, 1) if number in BAD]
    step = post_training.trainer.StepTrainer.step

    def spoiled(self, number, batch):
        prompts = np.asarray(batch["prompts"] if "prompts" in batch else batch["prompt"])
        if not any(np.array_equal(prompts, each) for each in bad):
            return step(self, number, batch)
        model = self.trainers[0].model
        weights = nnx.state(model, nnx.Param)
        kept = jax.tree.map(jnp.copy, weights)
        nnx.update(model, jax.tree.map(lambda leaf: leaf * jnp.nan, weights))
        metrics = step(self, number, batch)
        nnx.update(model, kept)
        return metrics

    patch.setattr(post_training.trainer.StepTrainer, "step", spoiled)


@pytest.mark.parametrize("method", ["dpo", "grpo"])
def test_the_run_is_one_whose_data_never_had_the_batches(data, tmp_path, monkeypatch, method):
    experiment = tiny_methods.make(method, data, *CHANGES)
    ends = []
    for name, prepare in (
        ("bad", lambda patch: poison_steps(patch, experiment)),
        ("without", lambda patch: spoil(patch, missing=BAD)),
    ):
        run = tiny_methods.run_in(tmp_path / name)
        with monkeypatch.context() as patched:
            prepare(patched)
            state = tiny_methods.train(experiment, run.path).state
        assert run.rollbacks.exists() == (name == "bad")
        ends.append((measured(run), jax.device_get((state.params, state.opt_state))))
    assert ends[0][0] == ends[1][0]
    jax.tree.map(np.testing.assert_array_equal, ends[0][1], ends[1][1])
