"""Batches follow from the seed and the step alone, and their position can be saved."""

import itertools
import json

import jax
import numpy as np
import pytest
from orbax.checkpoint import v1 as ocp

from . import tiny, tiny_task
from .project import errors

STEPS = 40  # beyond the first epoch


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tiny_task.prepare(tmp_path_factory.mktemp("data"))


def settings(directory, *changes):
    return tiny.make(directory, *changes).data


def train(directory, *changes, seed=0, process=0, processes=1):
    data = settings(directory, *changes)
    return iter(data.train_batches(seed=seed, process=process, processes=processes))


def take(iterator, count):
    return list(itertools.islice(iterator, count))


def evaluate(directory, *, limit=None, process=0, processes=1):
    data = settings(directory)
    batches = data.eval_batches("validation", limit=limit, process=process, processes=processes)
    listed = list(batches)
    assert len(listed) == len(batches)
    return listed


def equal(one, other):
    assert one.keys() == other.keys()
    return all(np.array_equal(one[name], other[name]) for name in one)


def test_the_same_seed_gives_the_same_batches_and_another_seed_others(directory):
    first = take(train(directory, "data.threads=1", seed=1), 5)
    again = take(train(directory, "data.threads=4", seed=1), 5)
    other = take(train(directory, seed=2), 5)
    assert all(map(equal, first, again))
    assert not any(map(equal, first, other))


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_share_the_batch_of_one(directory, processes):
    alone = take(train(directory), STEPS)
    for process in range(processes):
        mine = take(train(directory, process=process, processes=processes), STEPS)
        parts = [jax.tree.map(lambda a, p=process: a[p::processes], batch) for batch in alone]
        assert all(map(equal, mine, parts))


def test_the_state_is_tiny_and_restores_exactly(directory):
    iterator = train(directory)
    take(iterator, 13)
    state = iterator.get_state()
    assert len(json.dumps(state)) < 100
    expected = take(iterator, STEPS)
    restored = train(directory)
    take(restored, 3)
    restored.set_state(state)
    assert all(map(equal, expected, take(restored, STEPS)))


def test_the_state_goes_through_a_checkpoint(directory, tmp_path):
    iterator = train(directory)
    take(iterator, 5)
    ocp.save_checkpointables(tmp_path / "checkpoint", {"data": iterator})
    expected = take(iterator, 5)
    restored = train(directory)
    ocp.load_checkpointables(tmp_path / "checkpoint", {"data": restored})
    assert all(map(equal, expected, take(restored, 5)))


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_share_an_evaluation_batch_of_one(directory, processes):
    alone = evaluate(directory)
    for process in range(processes):
        mine = evaluate(directory, process=process, processes=processes)
        parts = [jax.tree.map(lambda a, p=process: a[p::processes], batch) for batch in alone]
        assert len(mine) == len(parts)
        assert all(map(equal, mine, parts))


def test_evaluation_batches_come_again(directory):
    assert all(map(equal, evaluate(directory), evaluate(directory)))
    assert all(map(equal, evaluate(directory), evaluate(directory, limit=10_000)))
    assert all(map(equal, evaluate(directory, limit=2), evaluate(directory, limit=2)))
    assert len(evaluate(directory, limit=1)) == 1


def test_mistakes_are_reported(directory, tmp_path):
    nowhere = settings(directory).model_copy(update={"directory": str(tmp_path / "nowhere")})
    with pytest.raises(errors.UserError, match=r"no data set in .*: run the prepare command"):
        nowhere.train_batches(seed=0, process=0, processes=1)
    with pytest.raises(errors.UserError, match="batch_size 8 does not divide among 3 processes"):
        train(directory, "data.batch_size=8", processes=3)
    with pytest.raises(errors.UserError, match="at least one batch"):
        evaluate(directory, limit=0)
    with pytest.raises(errors.UserError, match="no split 'dev'; its splits: "):
        settings(directory).eval_batches("dev", limit=None, process=0, processes=1)
