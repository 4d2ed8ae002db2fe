"""Batches: what is in them, that nothing is lost, and that they can be had again."""

import json

import numpy as np
import pytest
from orbax.checkpoint import v1 as ocp

from . import tiny_images
from .project import augmentation, data, errors, storage

UserError = errors.UserError
dataset, dataset_writer = storage.dataset, storage.dataset_writer
Augmentation = augmentation.Augmentation
SHIFTING = Augmentation(shift=1, flip=True)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A data set of 120 images, made once."""
    return tiny_images.prepare(tmp_path_factory.mktemp("images"))


def settings(directory, **changes):
    shape = {"height": 8, "width": 8, "channels": 1}
    return data.ImageData(directory=str(directory), **{**shape, "batch_size": 8, **changes})


def train(directory, *, seed=0, process=0, processes=1, **changes):
    return settings(directory, **changes).train_batches(
        seed=seed, process=process, processes=processes
    )


def take(iterator, count):
    return [next(iterator) for _ in range(count)]


def evaluate(directory, split="validation", *, limit=None, process=0, processes=1, **changes):
    batches = settings(directory, **changes).eval_batches(
        split, limit=limit, process=process, processes=processes
    )
    listed = list(batches)
    assert len(listed) == len(batches)
    return listed


def equal(one, other):
    assert one.keys() == other.keys()
    return all(np.array_equal(one[name], other[name]) for name in one)


def rows(batches):
    """The images of batches as tuples, padding left out, in some fixed order."""
    return sorted(
        (int(label), *image.ravel().tolist())
        for batch in batches
        for image, label, weight in zip(*(batch[name] for name in NAMES), strict=True)
        if weight
    )


NAMES = ("images", "labels", "weights")


# Examples


def test_shapes_and_types(directory):
    batch = next(iter(train(directory)))
    assert {name: (array.shape, str(array.dtype)) for name, array in batch.items()} == {
        "images": ((8, 8, 8, 1), "float32"),
        "labels": ((8,), "int32"),
        "weights": ((8,), "float32"),
    }


def test_images_are_normalised_by_the_statistics_of_the_training_split(directory):
    batches = evaluate(directory, "train")
    images = np.concatenate([batch["images"][batch["weights"] > 0] for batch in batches])
    np.testing.assert_allclose(images.mean((0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(images.std((0, 1, 2)), 1, atol=1e-4)


def test_every_channel_has_statistics_of_its_own():
    info = {"mean": [0.5, 0.0, 1.0], "std": [0.25, 1.0, 0.5]}
    pixels = np.zeros((1, 1, 2, 3), np.uint8)
    pixels[0, 0, 1] = 255
    found = data.normalise(pixels, info)
    np.testing.assert_allclose(found[0, 0], [[-2, 0, -2], [2, 1, 0]], atol=1e-6)


# Training batches


def test_an_epoch_holds_each_image_once_and_epochs_differ(directory):
    everything = evaluate(directory, "train", batch_size=1)
    iterator = iter(train(directory, batch_size=1))
    first, second = take(iterator, len(everything)), take(iterator, len(everything))
    assert rows(first) == rows(second) == rows(everything)
    assert not all(map(equal, first, second))


def test_the_same_seed_gives_the_same_batches_and_another_seed_others(directory):
    first = take(iter(train(directory, seed=1, threads=1, augmentation=SHIFTING)), 5)
    again = take(iter(train(directory, seed=1, threads=4, augmentation=SHIFTING)), 5)
    other = take(iter(train(directory, seed=2, augmentation=SHIFTING)), 5)
    assert all(map(equal, first, again))
    assert not any(map(equal, first, other))


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_share_the_batch_of_one(directory, processes):
    steps = 30  # beyond the first epoch
    alone = take(iter(train(directory, augmentation=SHIFTING)), steps)
    for process in range(processes):
        share = iter(train(directory, process=process, processes=processes, augmentation=SHIFTING))
        for batch in alone:
            mine = {name: array[process::processes] for name, array in batch.items()}
            assert equal(mine, next(share))


def test_the_state_is_tiny_and_restores_exactly(directory):
    iterator = iter(train(directory, augmentation=SHIFTING))
    take(iterator, 13)
    state = iterator.get_state()
    assert len(json.dumps(state)) < 100
    expected = take(iterator, 30)  # across the end of an epoch
    restored = iter(train(directory, augmentation=SHIFTING))
    take(restored, 3)
    restored.set_state(state)
    assert all(map(equal, expected, take(restored, 30)))


def test_the_state_goes_through_a_checkpoint(directory, tmp_path):
    iterator = iter(train(directory, augmentation=SHIFTING))
    take(iterator, 5)
    ocp.save_checkpointables(tmp_path / "checkpoint", {"data": iterator})
    expected = take(iterator, 5)
    restored = iter(train(directory, augmentation=SHIFTING))
    ocp.load_checkpointables(tmp_path / "checkpoint", {"data": restored})
    assert all(map(equal, expected, take(restored, 5)))


# Augmentation


def moved(image, down, right):
    """An image moved by whole pixels, black where it came from."""
    height, width = image.shape[:2]
    canvas = np.zeros((3 * height, 3 * width, image.shape[2]), image.dtype)
    canvas[height + down : 2 * height + down, width + right : 2 * width + right] = image
    return canvas[height : 2 * height, width : 2 * width]


def test_an_image_moves_and_is_mirrored_as_its_numbers_say():
    images = np.arange(1, 25, dtype=np.uint8).reshape(1, 3, 4, 2)
    for row in range(5):
        for column in range(5):
            for mirrored in (False, True):
                draws = np.array([[(row + 0.5) / 5, (column + 0.5) / 5, 0.75 - 0.5 * mirrored]])
                (found,) = Augmentation(shift=2, flip=True).apply(images, draws)
                expected = moved(images[0], 2 - row, 2 - column)
                np.testing.assert_array_equal(found, expected[:, ::-1] if mirrored else expected)


def test_nothing_changes_unless_it_is_asked_for(directory):
    images = np.random.default_rng(0).integers(0, 255, (16, 8, 8, 3)).astype(np.uint8)
    draws = np.random.default_rng(1).random((16, augmentation.DRAWS))
    np.testing.assert_array_equal(Augmentation().apply(images, draws), images)
    assert equal(
        evaluate(directory)[0], evaluate(directory, augmentation=SHIFTING)[0]
    )  # held-out images stay as they are


def test_the_same_image_is_changed_otherwise_in_the_next_epoch(directory):
    count = len(settings(directory).examples("train"))
    plain = iter(train(directory, batch_size=1))
    changing = iter(train(directory, batch_size=1, augmentation=Augmentation(shift=3)))
    seen = {}
    for _ in range(2 * count):
        original, changed = next(plain)["images"], next(changing)["images"]
        seen.setdefault(original.tobytes(), set()).add(changed.tobytes())
    assert sum(len(changes) > 1 for changes in seen.values()) > 0.9 * len(seen)


# Evaluation batches


@pytest.mark.parametrize("processes", [1, 2])
def test_evaluation_covers_the_split_once(directory, processes):
    count = len(settings(directory).examples("validation"))
    assert count % 8  # the last batch is not full here
    shares = [evaluate(directory, process=p, processes=processes) for p in range(processes)]
    assert len({len(share) for share in shares}) == 1
    batches = [batch for share in shares for batch in share]
    assert sum(float(batch["weights"].sum()) for batch in batches) == count
    assert rows(batches) == rows(evaluate(directory, batch_size=1))
    assert all(batch["images"].shape == (8 // processes, 8, 8, 1) for batch in batches)
    assert shares[-1][-1]["weights"][-1] == 0
    assert not shares[-1][-1]["images"][-1].any()


def test_a_limit_spreads_evenly_over_the_split(directory):
    assert len(evaluate(directory, "train", batch_size=2, limit=3)) == 3
    labels = [
        label
        for batch in evaluate(directory, "train", batch_size=2, limit=3)
        for label in batch["labels"].tolist()
    ]
    assert labels == [0, 0, 1, 1, 2, 2]  # a split lies class by class


# Mistakes


def test_data_that_does_not_suit_is_reported(directory, tmp_path):
    with pytest.raises(UserError, match=r"no data set in .*: run the prepare command"):
        train(tmp_path / "nowhere")
    with pytest.raises(
        UserError, match=r"images of 8 by 8 by 1 .* says 8 by 16 by 1: set data.height, .*width"
    ):
        train(directory, width=16)
    with pytest.raises(UserError, match="batch_size 8 does not divide among 3 processes"):
        train(directory, processes=3)
    with pytest.raises(UserError, match="no split 'dev'; its splits:"):
        evaluate(directory, "dev")
    with pytest.raises(UserError, match="at least one batch"):
        evaluate(directory, limit=0)


def test_data_of_another_task_is_reported(tmp_path):
    with dataset_writer.DataSetWriter(tmp_path / "d") as writer:
        writer.write("train", b"words")
        writer.commit({"kind": "text"})
    with pytest.raises(UserError, match="holds no image but text"):
        train(tmp_path / "d")
