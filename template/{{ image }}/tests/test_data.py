"""Batches: what is in them, and that nothing is lost."""

import numpy as np
import pytest

from . import tiny_images
from .batching import equal, evaluate, take, train
from .project import augmentation, data, errors, storage

UserError = errors.UserError
dataset, dataset_writer = storage.dataset, storage.dataset_writer
Augmentation = augmentation.Augmentation
CHANGING = Augmentation(shift=1, flip=True, rotate=10, scale=0.1)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A data set of 120 images, made once."""
    return tiny_images.prepare(tmp_path_factory.mktemp("images"))


def settings(directory, **changes):
    return data.ImageData(directory=str(directory), **{"batch_size": 8, **changes})


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
    batch = next(train(settings(directory)))
    assert {name: (array.shape, str(array.dtype)) for name, array in batch.items()} == {
        "images": ((8, 8, 8, 1), "float32"),
        "labels": ((8,), "int32"),
        "weights": ((8,), "float32"),
    }


def test_images_are_normalised_by_the_statistics_of_the_training_split(directory):
    batches = evaluate(settings(directory), "train")
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
    everything = evaluate(settings(directory, batch_size=1), "train")
    iterator = train(settings(directory, batch_size=1))
    first, second = take(iterator, len(everything)), take(iterator, len(everything))
    assert rows(first) == rows(second) == rows(everything)
    assert not all(map(equal, first, second))


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


STILL = 0.5  # the random number that changes nothing


def changed(image, settings, **places):
    """An image changed by numbers that stand at these places among its draws."""
    draws = np.full((1, augmentation.DRAWS), STILL)
    for name, value in places.items():
        draws[0, ("down", "right", "flip", "turn", "height", "width").index(name)] = value
    return Augmentation(**settings).apply(image[None], draws)[0]


def test_numbers_in_the_middle_change_nothing():
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 3)).astype(np.uint8)
    settings = {"shift": 1.5, "flip": True, "rotate": 30, "scale": 0.5}
    np.testing.assert_array_equal(changed(image, settings), image)


def test_an_image_turns_about_its_centre():
    square = np.random.default_rng(0).integers(0, 256, (5, 5, 3)).astype(np.uint8)
    np.testing.assert_array_equal(changed(square, {"rotate": 90}, turn=1), np.rot90(square))
    np.testing.assert_array_equal(changed(square, {"rotate": 90}, turn=0), np.rot90(square, -1))
    wide = np.random.default_rng(0).integers(0, 256, (4, 7, 1)).astype(np.uint8)
    np.testing.assert_array_equal(changed(wide, {"rotate": 180}, turn=0), wide[::-1, ::-1])


def test_an_image_turns_clockwise_by_the_angle_that_its_number_says():
    image = np.zeros((41, 41, 1), np.uint8)
    image[20, 30:33] = 255  # right of the centre
    rows, columns = np.nonzero(changed(image, {"rotate": 60}, turn=0.25)[..., 0])
    angle = np.rad2deg(np.arctan2(rows.mean() - 20, columns.mean() - 20))
    assert angle == pytest.approx(30, abs=1)


def test_height_and_width_grow_by_themselves():
    ramp = np.broadcast_to(10 * np.arange(5, dtype=np.uint8)[:, None, None], (5, 4, 1))
    higher = changed(ramp, {"scale": 1.0}, height=0)
    np.testing.assert_array_equal(higher, ramp // 2 + 10)
    np.testing.assert_array_equal(changed(ramp, {"scale": 1.0}, width=0), ramp)


def test_what_a_smaller_image_uncovers_is_black():
    white = np.full((6, 8, 1), 255, np.uint8)
    lower = changed(white, {"scale": 1.0}, height=1)
    narrower = changed(white, {"scale": 1.0}, width=1)
    assert lower[:, 3, 0].tolist() == [0, 128, 255, 255, 128, 0]
    assert narrower[3, :, 0].tolist() == [0, 0, 255, 255, 255, 255, 0, 0]


def test_an_image_moves_by_parts_of_a_pixel():
    image = np.array([[[10], [20], [40]]], np.uint8)
    assert changed(image, {"shift": 0.5}, right=1)[0, :, 0].tolist() == [15, 30, 20]
    assert changed(image, {"shift": 0.5}, right=0)[0, :, 0].tolist() == [5, 15, 30]
    assert changed(image, {"shift": 2, "rotate": 1}, right=0.25)[0, :, 0].tolist() == [0, 10, 20]


def test_an_image_is_changed_as_if_it_were_alone():
    images = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3)).astype(np.uint8)
    draws = np.random.default_rng(1).random((4, augmentation.DRAWS))
    alone = [
        CHANGING.apply(images[at : at + 1], draws[at : at + 1])[0] for at in range(len(images))
    ]
    np.testing.assert_array_equal(CHANGING.apply(images, draws), alone)


def test_nothing_changes_unless_it_is_asked_for(directory):
    images = np.random.default_rng(0).integers(0, 255, (16, 8, 8, 3)).astype(np.uint8)
    draws = np.random.default_rng(1).random((16, augmentation.DRAWS))
    np.testing.assert_array_equal(Augmentation().apply(images, draws), images)
    assert equal(
        evaluate(settings(directory))[0], evaluate(settings(directory, augmentation=CHANGING))[0]
    )  # held-out images stay as they are


def test_the_same_image_is_changed_otherwise_in_the_next_epoch(directory):
    count = len(settings(directory).examples("train"))
    plain = train(settings(directory, batch_size=1))
    changing = train(settings(directory, batch_size=1, augmentation=Augmentation(shift=3)))
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
    read = settings(directory)
    shares = [evaluate(read, process=p, processes=processes) for p in range(processes)]
    assert len({len(share) for share in shares}) == 1
    batches = [batch for share in shares for batch in share]
    assert sum(float(batch["weights"].sum()) for batch in batches) == count
    assert rows(batches) == rows(evaluate(settings(directory, batch_size=1)))
    assert all(batch["images"].shape == (8 // processes, 8, 8, 1) for batch in batches)
    assert shares[-1][-1]["weights"][-1] == 0
    assert not shares[-1][-1]["images"][-1].any()


def test_a_limit_spreads_evenly_over_the_split(directory):
    assert len(evaluate(settings(directory, batch_size=2), "train", limit=3)) == 3
    labels = [
        label
        for batch in evaluate(settings(directory, batch_size=2), "train", limit=3)
        for label in batch["labels"].tolist()
    ]
    assert labels == [0, 0, 1, 1, 2, 2]  # a split lies class by class


# Mistakes


def test_images_of_another_shape_are_reported(directory):
    for name, value in (("width", 16), ("height", 4), ("channels", 3)):
        message = rf"data.{name}={value}, but .* was prepared with images of 8 by 8 pixels, grey: l"
        with pytest.raises(UserError, match=message):
            train(settings(directory, **{name: value}))
    shape = {"height": 8, "width": 8, "channels": 1}
    assert equal(next(train(settings(directory, **shape))), next(train(settings(directory))))


def test_data_of_another_task_is_reported(tmp_path):
    with dataset_writer.DataSetWriter(tmp_path / "d") as writer:
        writer.write("train", b"words")
        writer.commit({"kind": "text"})
    with pytest.raises(UserError, match="holds no image but text"):
        train(settings(tmp_path / "d"))
