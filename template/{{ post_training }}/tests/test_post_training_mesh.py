"""The same weights on one device and on eight, whoever makes the steps."""

import itertools

import jax
import numpy as np
import pytest

from . import tiny_methods


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_methods.prepare(tmp_path_factory.mktemp("data"))


def train(method, data, *, model, on):
    """Weights and metrics of three steps in float32."""
    changes = ("model.num_heads=4", "optimizer.learning_rate=1e-3")
    experiment = tiny_methods.make(method, data, *changes)
    float32 = {"param_dtype": "float32", "compute_dtype": "float32"}
    precision = experiment.precision.model_copy(update=float32)
    experiment = experiment.model_copy(update={"precision": precision})
    program = tiny_methods.make_program(experiment, model=model, data=on)
    history = []
    with jax.set_mesh(program.mesh):
        state, step = program.initial_state(), None
        for batch in itertools.islice(tiny_methods.batches(experiment), 3):
            placed = program.put(batch)
            step = step or program.compile_train_step(placed)
            state, metrics = step(state, placed)
            history.append(float(metrics["loss"]))
    return jax.device_get(state.params), history


@pytest.mark.parametrize("method", ["sft", "dpo", "grpo"])
def test_eight_devices_give_the_weights_of_one(data, method):
    alone, losses = train(method, data, model=1, on=1)
    spread, others = train(method, data, model=4, on=2)
    np.testing.assert_allclose(others, losses, rtol=1e-3, atol=1e-5)

    def close(one, other):
        distance = np.linalg.norm(one - other) / np.linalg.norm(one)
        assert distance < 1e-3, distance

    jax.tree.map(close, alone, spread)


def test_what_the_optimizer_keeps_stays_where_its_weights_are(data):
    """Spread over both axes, before a step and after it."""
    experiment = tiny_methods.make("sft", data, "mesh.fsdp=True")
    program = tiny_methods.make_program(experiment, model=2, data=2)
    with jax.set_mesh(program.mesh):
        begun = program.initial_state()
        placed = program.put(next(tiny_methods.batches(experiment)))
        expected = _shardings(begun)
        state, _ = program.compile_train_step(placed)(begun, placed)
    assert _shardings(state) == expected
    assert {"data", "model"} <= {axis for spec in expected.values() for axis in spec}


def _shardings(state):
    leaves, _ = jax.tree_util.tree_flatten_with_path((state.params, state.opt_state))
    return {jax.tree_util.keystr(path): leaf.sharding.spec for path, leaf in leaves if leaf.ndim}
