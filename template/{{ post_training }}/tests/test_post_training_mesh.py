"""The same weights on one device and on eight, whoever makes the steps."""

import itertools

import jax
import numpy as np
import pytest

from . import tiny_methods
from .project import storage
from .test_processes import EXACT

CHANGES = (*EXACT, "model.num_heads=4", "optimizer.learning_rate=1e-3")
MESHES = [(1, 8), (1, 4), (1, 1), (2, 4, True)]
"""Sizes of model and data, and whether weights are spread over both."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_methods.prepare(tmp_path_factory.mktemp("data"))


def go_on(method, data, folder, count, model, columns, fsdp=False):
    """Make steps from the newest checkpoint on, and leave one; the weights and each step's loss."""
    experiment = tiny_methods.make(method, data, *CHANGES, f"mesh.fsdp={fsdp}")
    program = tiny_methods.make_program(experiment, model=model, data=columns)
    losses, settings = [], storage.checkpoints.CheckpointSettings()
    with jax.set_mesh(program.mesh), storage.checkpoints.Checkpoints(folder, settings) as kept:
        batches = tiny_methods.batches(experiment)
        restored = kept.restore(program.layout.abstract, batches)
        start, state = restored[:2] if restored else (0, program.initial_state())
        step = None
        for batch in itertools.islice(batches, count):
            placed = program.put(batch)
            step = step or program.compile_train_step(placed)
            state, metrics = step(state, placed)
            losses.append(float(metrics["loss"]))
        kept.save(start + count, state, batches)
    return jax.device_get(state.params), losses


@pytest.mark.parametrize("method", ["sft", "dpo", "grpo"])
def test_a_run_may_move_from_mesh_to_mesh(data, tmp_path, method):
    """One is on eight devices all the time; the other makes each step elsewhere."""
    expected, whole = go_on(method, data, tmp_path / "whole", len(MESHES), *MESHES[0])
    moved = [go_on(method, data, tmp_path / "moved", 1, *mesh) for mesh in MESHES]
    losses = [loss for _, further in moved for loss in further]
    np.testing.assert_allclose(losses, whole, rtol=1e-5, atol=1e-7)

    def close(one, other):
        distance = np.linalg.norm(one - other) / np.linalg.norm(one)
        assert distance < 1e-3, distance

    jax.tree.map(close, expected, moved[-1][0])


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
