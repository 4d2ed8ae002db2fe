"""A run that was killed goes on as if it had not been, whoever makes its steps."""

import os
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from . import tiny_methods
from .project import package, reporting, training

METHODS = ("sft", "dpo", "grpo")
CHANGES = ("loop.steps=6", "checkpoint.every=1")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_methods.prepare(tmp_path_factory.mktemp("data"))


def measured(run):
    """Everything in metrics.jsonl that does not depend on the clock."""
    return [
        {
            name: value
            for name, value in row.items()
            if name != "time" and not name.endswith("_per_second")
        }
        for row in reporting.writers.read_metrics(run.metrics)
    ]


@pytest.mark.parametrize("method", METHODS)
def test_a_killed_run_goes_on_bit_for_bit(data, tmp_path, method):
    """Killed by SIGKILL as soon as it has written some steps; then the same command again."""
    experiment = tiny_methods.make(method, data, *CHANGES)
    whole = tiny_methods.run_in(tmp_path / "whole")
    expected = jax.device_get(tiny_methods.train(experiment, whole.path).state)
    killed = tiny_methods.run_in(tmp_path / "killed")
    words = [f"--config={each}" for each in tiny_methods.directives(method, data, *CHANGES)]
    process = subprocess.Popen(
        [sys.executable, "-m", package.__name__, "train", "--run-dir", str(killed.path), *words],
        env={**os.environ, "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not (killed.metrics.exists() and len(measured(killed)) >= 3):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    state = jax.device_get(tiny_methods.train(experiment, killed.path).state)
    assert measured(killed) == measured(whole)
    for one, other in ((state.params, expected.params), (state.opt_state, expected.opt_state)):
        jax.tree.map(np.testing.assert_array_equal, one, other)


@pytest.mark.parametrize(
    ("method", "changes"), [("ppo", ()), ("sft_lora", ("safety.spike_threshold=10.0",))]
)
def test_a_stopped_run_goes_on_bit_for_bit(data, tmp_path, monkeypatch, method, changes):
    """Methods with more to remember, a value model or a base, stopped in order after two steps."""
    experiment = tiny_methods.make(method, data, *changes)
    whole, stopped = (tiny_methods.run_in(tmp_path / name) for name in ("whole", "stopped"))
    expected = tiny_methods.train(experiment, whole.path).state

    class StopAfterTwo(training.interruption.Interruption):
        def requested(self, step):
            if step == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().requested(step)

    with monkeypatch.context() as patched:
        patched.setattr(training.loop, "Interruption", StopAfterTwo)
        assert tiny_methods.train(experiment, stopped.path).step == 2
    state = tiny_methods.train(experiment, stopped.path).state
    assert measured(stopped) == measured(whole)
    for one, other in ((state.params, expected.params), (state.opt_state, expected.opt_state)):
        jax.tree.map(np.testing.assert_array_equal, _numbers(one), _numbers(other))


def _numbers(tree):
    """Arrays alone: a value model's state has a key too."""
    return [leaf for leaf in jax.tree.leaves(tree) if isinstance(leaf.dtype, np.dtype)]
