"""Batches: what is in them, and that nothing is lost."""

import numpy as np
import pytest

from . import tiny_task
from .batching import equal, evaluate, take, train
from .project import data, errors, storage

UserError = errors.UserError


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A data set of 160 rows, made once."""
    return tiny_task.prepare(tmp_path_factory.mktemp("table"))


def settings(directory, **changes):
    return data.TableData(directory=str(directory), **{"batch_size": 8, **changes})


def size(directory, split):
    return storage.dataset.DataSet.open(directory).info["split"]["counts"][split]


def pressures(batches):
    """The first column of all rows that count."""
    return [x for b in batches for x in b["numbers"][b["weights"] > 0, 0].tolist()]


def test_shapes_and_types(directory):
    batch = next(train(settings(directory)))
    assert {name: (array.shape, str(array.dtype)) for name, array in batch.items()} == {
        "numbers": ((8, 4), "float32"),  # pressure, wind, day, warned
        "missing": ((8, 1), "float32"),  # wind
        "categories": ((8, 1), "int32"),
        "targets": ((8,), "int32"),
        "weights": ((8,), "float32"),
    }
    assert all(array.flags.c_contiguous for array in batch.values())


def test_numbers_are_standardised_and_missing_ones_are_the_mean(directory):
    (batch,) = evaluate(settings(directory, batch_size=size(directory, "train")), "train")
    np.testing.assert_allclose(batch["numbers"].mean(axis=0), 0, atol=1e-5)
    wind, missing = batch["numbers"][:, 1], batch["missing"][:, 0] == 1
    assert 0 < missing.mean() < 0.3
    assert np.all(wind[missing] == 0) and np.all(wind[~missing] != 0)
    assert wind[~missing].std() == pytest.approx(1, abs=1e-4)
    assert set(batch["categories"].ravel().tolist()) == {1, 2, 3, 4}  # the missing value is one


# Training batches


def test_an_epoch_holds_each_row_once_and_epochs_differ(directory):
    rows = size(directory, "train")
    iterator = train(settings(directory, batch_size=1))
    first, second = (pressures(take(iterator, rows)) for _ in range(2))
    stored = pressures(evaluate(settings(directory, batch_size=rows), "train"))
    assert sorted(first) == sorted(stored)
    assert sorted(first) == sorted(second) and first != second


# Evaluation batches


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_evaluation_covers_the_split_once(directory, split, processes):
    shares = [
        evaluate(settings(directory, batch_size=14), split, process=process, processes=processes)
        for process in range(processes)
    ]
    assert len({len(share) for share in shares}) == 1
    found = sorted(x for share in shares for x in pressures(share))
    assert found == sorted(pressures(evaluate(settings(directory, batch_size=1), split)))
    assert len(found) == size(directory, split)
    weights = np.concatenate([batch["weights"] for share in shares for batch in share])
    assert np.sum(weights == 0) == -len(found) % 14
    assert all(len(batch["targets"]) == 14 // processes for share in shares for batch in share)


def test_a_limit_spreads_evenly_over_the_split(directory):
    everything = pressures(evaluate(settings(directory, batch_size=2), "train"))
    some = evaluate(settings(directory, batch_size=2), "train", limit=5)
    assert len(some) == 5
    chosen = [everything.index(x) for x in pressures(some)]
    gaps = np.diff([*chosen, len(everything)])
    assert chosen[0] == 0
    assert gaps.max() - gaps.min() <= 1
    assert all(map(equal, some, evaluate(settings(directory, batch_size=2), "train", limit=5)))


# Mistakes


def test_data_of_another_task_is_reported(tmp_path):
    with storage.dataset_writer.DataSetWriter(tmp_path / "d") as writer:
        writer.write("train", b"pixels")
        writer.commit({"kind": "images"})
    with pytest.raises(UserError, match="holds no table but images"):
        train(settings(tmp_path / "d"))
