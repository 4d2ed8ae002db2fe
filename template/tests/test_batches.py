"""Batches follow from the seed and the step alone, and their position can be saved."""

import json

import jax
import pytest
from orbax.checkpoint import v1 as ocp

from . import tiny, tiny_task
from .batching import equal, evaluate, take, train
from .project import errors

STEPS = 40  # beyond the first epoch


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tiny_task.prepare(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def data(directory):
    return tiny.make(directory).data


def test_the_same_seed_gives_the_same_batches_and_another_seed_others(data):
    first = take(train(data.model_copy(update={"threads": 1}), seed=1), 5)
    again = take(train(data.model_copy(update={"threads": 4}), seed=1), 5)
    other = take(train(data, seed=2), 5)
    assert all(map(equal, first, again))
    assert not any(map(equal, first, other))


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_share_the_batch_of_one(data, processes):
    alone = take(train(data), STEPS)
    for process in range(processes):
        mine = take(train(data, process=process, processes=processes), STEPS)
        parts = [jax.tree.map(lambda a, p=process: a[p::processes], batch) for batch in alone]
        assert all(map(equal, mine, parts))


def test_the_state_is_tiny_and_restores_exactly(data):
    iterator = train(data)
    take(iterator, 13)
    state = iterator.get_state()
    assert len(json.dumps(state)) < 100
    expected = take(iterator, STEPS)
    restored = train(data)
    take(restored, 3)
    restored.set_state(state)
    assert all(map(equal, expected, take(restored, STEPS)))


def test_the_state_goes_through_a_checkpoint(data, tmp_path):
    iterator = train(data)
    take(iterator, 5)
    ocp.save_checkpointables(tmp_path / "checkpoint", {"data": iterator})
    expected = take(iterator, 5)
    restored = train(data)
    ocp.load_checkpointables(tmp_path / "checkpoint", {"data": restored})
    assert all(map(equal, expected, take(restored, 5)))


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_share_an_evaluation_batch_of_one(data, processes):
    alone = evaluate(data)
    for process in range(processes):
        mine = evaluate(data, process=process, processes=processes)
        parts = [jax.tree.map(lambda a, p=process: a[p::processes], batch) for batch in alone]
        assert len(mine) == len(parts)
        assert all(map(equal, mine, parts))


def test_evaluation_batches_come_again(data):
    assert all(map(equal, evaluate(data), evaluate(data)))
    assert all(map(equal, evaluate(data), evaluate(data, limit=10_000)))
    assert all(map(equal, evaluate(data, limit=2), evaluate(data, limit=2)))
    assert len(evaluate(data, limit=1)) == 1


def test_mistakes_are_reported(data, tmp_path):
    nowhere = data.model_copy(update={"directory": str(tmp_path / "nowhere")})
    with pytest.raises(errors.UserError, match=r"no data set in .*: run the prepare command"):
        train(nowhere)
    with pytest.raises(errors.UserError, match="batch_size 8 does not divide among 3 processes"):
        train(data.model_copy(update={"batch_size": 8}), processes=3)
    with pytest.raises(errors.UserError, match="at least one batch"):
        evaluate(data, limit=0)
    with pytest.raises(errors.UserError, match="no split 'dev'; its splits: "):
        evaluate(data, "dev")
