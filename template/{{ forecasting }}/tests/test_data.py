"""Batches: what is in them, and that nothing is lost."""

import numpy as np
import pytest

from . import tiny_task
from .batching import evaluate, take, train
from .project import data, errors, frequency, storage

UserError = errors.UserError
SEQ_LEN, HORIZON, BATCH, CHANNELS = 28, 7, 8, 2


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Three series of 120 days: 96 to train on, 12 to validate, 12 to test."""
    return tiny_task.prepare(tmp_path_factory.mktemp("series"))


def settings(directory, **changes):
    sizes = {"seq_len": SEQ_LEN, "horizon": HORIZON, "batch_size": BATCH}
    return data.SeriesData(directory=str(directory), **{**sizes, **changes})


def test_shapes_and_types(directory):
    batch = next(train(settings(directory)))
    time = frequency.NUM_FEATURES
    assert {name: (array.shape, str(array.dtype)) for name, array in batch.items()} == {
        "history": ((BATCH, SEQ_LEN, CHANNELS), "float32"),
        "observed": ((BATCH, SEQ_LEN, CHANNELS), "bool"),
        "history_time": ((BATCH, SEQ_LEN, time), "float32"),
        "future_time": ((BATCH, HORIZON, time), "float32"),
        "targets": ((BATCH, HORIZON, CHANNELS), "float32"),
        "weights": ((BATCH, HORIZON, CHANNELS), "float32"),
        "scales": ((BATCH, CHANNELS), "float32"),
        "series": ((BATCH,), "int32"),
        "volumes": ((BATCH, CHANNELS), "float32"),
    }


def test_training_sees_every_window_of_its_part_and_nothing_later(directory):
    windows = settings(directory).examples("train")
    assert len(windows) == 3 * (96 - HORIZON - SEQ_LEN // 2 + 1)
    assert windows.origins.max() + HORIZON == 96
    epoch = take(train(settings(directory, batch_size=1)), len(windows))
    rows = sorted(batch["targets"].tobytes() for batch in epoch)
    there = windows.read(np.arange(len(windows)))["targets"]
    assert rows == sorted(row.tobytes() for row in there)


# Evaluation: a rolling origin


@pytest.mark.parametrize(("split", "first"), [("validation", 96), ("test", 108)])
def test_the_origin_rolls_over_the_split(directory, split, first):
    windows = settings(directory).examples(split)
    assert windows.origins.tolist() == [*range(first, first + 12 - HORIZON + 1)] * 3
    batches = evaluate(settings(directory), split)
    assert sum(float(batch["weights"].sum()) for batch in batches) == 18 * HORIZON * CHANNELS
    assert not batches[-1]["weights"][-1].any()  # the last batch is not full


def test_a_stride_takes_fewer_origins(directory):
    windows = settings(directory, eval_stride=4).examples("test")
    assert windows.origins.tolist() == [108, 112] * 3
    assert len(settings(directory, eval_stride=4).examples("train")) > 200


def test_what_was_known_at_an_origin_may_lie_in_an_earlier_split(directory):
    validation = settings(directory).examples("validation").read(np.array([5]))
    test = settings(directory).examples("test").read(np.array([0]))
    np.testing.assert_array_equal(test["history"][0, -HORIZON - 0 :], validation["targets"][0])


@pytest.mark.parametrize("processes", [1, 2])
def test_evaluation_covers_the_split_once(directory, processes):
    read = settings(directory)
    shares = [evaluate(read, process=p, processes=processes) for p in range(processes)]
    assert {len(share) for share in shares} == {3}
    windows = settings(directory).examples("validation")
    joined = np.stack([np.stack([b["targets"] for b in share]) for share in shares], axis=2)
    joined = joined.reshape(-1, HORIZON, CHANNELS)[: len(windows)]
    np.testing.assert_array_equal(joined, windows.read(np.arange(len(windows)))["targets"])


def test_a_limit_spreads_evenly_over_the_split(directory):
    some = evaluate(settings(directory, batch_size=2), limit=3)
    windows = settings(directory).examples("validation").read(np.arange(0, 18, 3))
    np.testing.assert_array_equal(
        np.concatenate([batch["targets"] for batch in some]), windows["targets"]
    )


# Mistakes


def test_a_horizon_that_does_not_fit_is_reported(directory):
    with pytest.raises(UserError, match=r"data.horizon 50 is too long, .* of the validation split"):
        evaluate(settings(directory, horizon=50))


def test_data_of_another_task_is_reported(tmp_path):
    with storage.dataset_writer.DataSetWriter(tmp_path / "d") as writer:
        writer.write("train", b"pixels")
        writer.commit({"kind": "images"})
    with pytest.raises(UserError, match="holds no series but images"):
        train(settings(tmp_path / "d"))
