"""A run that starts from another's weights: what it takes of them, keeps and refuses."""

import shutil

import jax
import numpy as np
import pytest

from . import tiny, tiny_task
from .project import errors, storage, training


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.prepare(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def base(data, tmp_path_factory):
    """The folder of the run to start from."""
    folder = tmp_path_factory.mktemp("base") / "run"
    train(tiny.make(data, "loop.steps=2"), folder)
    return folder


def train(experiment, folder):
    run = storage.run_directory.RunDirectory(folder)
    with run.lock():
        return training.loop.train(experiment, run, tiny.make_mesh())


def continued(data, base, *changes):
    return tiny.make(data, f"start_from={base}", "loop.steps=3", "seed=5", *changes)


def program_of(experiment, folder=None):
    return training.program.make_program(experiment, tiny.make_mesh(), folder)


def assert_same(one, other):
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(one), jax.device_get(other))


def test_a_run_begins_with_the_weights_alone(data, base, tmp_path):
    before = train(tiny.make(data, "loop.steps=2"), base).state  # which was complete
    program = program_of(continued(data, base), tmp_path / "run")
    with jax.set_mesh(program.mesh):
        state = program.initial_state()
        assert_same((state.params, state.variables), (before.params, before.variables))
        assert int(state.step) == 0
        ours, theirs = (jax.random.key_data(each.key) for each in (state, before))
        assert not np.array_equal(ours, theirs)
        fresh = program_of(tiny.make(data)).initial_state()
        assert_same(state.opt_state, fresh.opt_state)
        begun = program.baseline()
    assert_same((begun.params, begun.variables), (before.params, before.variables))


def test_a_run_that_was_interrupted_goes_on_without_the_other(data, base, tmp_path):
    other = shutil.copytree(base, tmp_path / "other")
    experiment = continued(data, other, *tiny_task.RANDOM)
    whole = train(experiment, tmp_path / "whole").state
    run = tmp_path / "run"
    program = program_of(experiment, run)
    with jax.set_mesh(program.mesh):
        program.initial_state()  # and no more of it
    shutil.rmtree(other)
    again = train(experiment, run).state
    assert int(again.step) == 3
    keys = [jax.random.key_data(state.key) for state in (whole, again)]
    assert_same(whole._replace(key=keys[0]), again._replace(key=keys[1]))


def test_the_mesh_may_be_another(data, base, tmp_path):
    experiment = continued(data, base)
    spread = training.program.make_program(experiment, tiny.make_mesh(data=2, fsdp=True), tmp_path)
    alone = program_of(experiment)
    states = []
    for program in (spread, alone):
        with jax.set_mesh(program.mesh):
            states.append(program.initial_state().params)
    assert_same(*states)
    assert any(len(leaf.sharding.device_set) == 2 for leaf in jax.tree.leaves(states[0]))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((tiny_task.OTHER_MODEL,), "start_from: .* is of another model: its .* is "),
        (("start_from=nowhere",), "start_from: nowhere holds no checkpoint; train that run first"),
    ],
)
def test_what_cannot_be_started_from(data, base, fields, message):
    program = program_of(continued(data, base, *fields))
    with jax.set_mesh(program.mesh), pytest.raises(errors.UserError, match=message):
        program.initial_state()
