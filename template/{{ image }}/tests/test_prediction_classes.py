"""Predictions of classes: what is read, what is written, what is drawn."""

import numpy as np
import pytest

from . import tiny_images
from .project import data, errors, prediction, storage, training

UserError = errors.UserError
INFO = {"classes": list(tiny_images.CLASSES), "mean": [0.5], "std": [0.25], "shape": [8, 8, 1]}
DATA = data.ImageData(batch_size=8)
PREDICTION = prediction.ImagePrediction().fitted(INFO)
Result = training.prediction.Result


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twelve images, four of each class."""
    return tiny_images.write(tmp_path_factory.mktemp("own") / "own", in_class=4)


def read(*patterns, targets):
    return list(PREDICTION.read(DATA, [str(each) for each in patterns], targets=targets))


def result(probabilities, labels=None, files=None):
    """Results as if a model had told these probabilities."""
    told = np.asarray(probabilities, np.float32)
    rows = [{"file": name} for name in files] if files else [{}] * len(told)
    batch = {} if labels is None else {"labels": np.asarray(labels, np.int32)}
    return Result(rows, batch, {"probabilities": told})


def test_images_come_in_batches_of_one_shape_as_training_sees_them(folder):
    first, last = read(folder, targets=False)
    assert first.batch["images"].shape == last.batch["images"].shape == (8, 8, 8, 1)
    assert (len(first.rows), len(last.rows)) == (8, 4)
    assert last.batch["weights"].tolist() == [1] * 4 + [0] * 4
    assert "labels" not in first.batch
    assert first.rows[0] == {"file": str(folder / "across" / "000.png")}
    specs = PREDICTION.input_specs(DATA)
    assert {name: first.batch[name].shape[1:] for name in specs} == {"images": (8, 8, 1)}
    assert specs["images"].dtype == first.batch["images"].dtype


def test_classes_are_read_from_folders(folder):
    chunks = read(folder, targets=True)
    labels = np.concatenate([chunk.batch["labels"][: len(chunk.rows)] for chunk in chunks])
    assert labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    (half,) = read(folder / "dots" / "00[01].png", targets=False)
    np.testing.assert_array_equal(half.batch["images"][:2], chunks[0].batch["images"][4:6])


def test_a_few_of_the_classes_will_do(tmp_path):
    tiny_images.write(tmp_path / "all", in_class=1)
    (tmp_path / "all" / "upright").rename(tmp_path / "upright")
    (chunk,) = read(tmp_path / "all", targets=True)
    assert chunk.batch["labels"][:2].tolist() == [0, 1]


def test_unusable_sources_are_reported(folder, tmp_path):
    with pytest.raises(UserError, match="matches no image"):
        read(tmp_path / "nothing", targets=False)
    with pytest.raises(UserError, match="is no folder; with classes to compare to, give one"):
        read(folder / "dots" / "000.png", targets=True)
    for split in storage.splitting.SPLITS:
        tiny_images.write(tmp_path / "splits" / split, in_class=1)
    with pytest.raises(UserError, match=r"holds several splits: give one, such as .*splits/test"):
        read(tmp_path / "splits", targets=True)
    tiny_images.write(tmp_path / "new", in_class=1)
    (tmp_path / "new" / "dots").rename(tmp_path / "new" / "waves")
    with pytest.raises(UserError, match=r"no class 'waves' but across, dots, upright"):
        read(tmp_path / "new", targets=True)


def test_a_record_tells_file_class_and_every_probability():
    (record,) = PREDICTION.records([result([[0.1, 0.7, 0.2]], files=["a.png"])])
    assert record == {
        "file": "a.png",
        "class": "dots",
        "probability": np.float32(0.7),
        "probability_across": np.float32(0.1),
        "probability_dots": np.float32(0.7),
        "probability_upright": np.float32(0.2),
    }


def test_a_known_class_is_told_too():
    (record,) = PREDICTION.records([result([[0.1, 0.7, 0.2]], labels=[2])])
    assert (record["label"], record["class"]) == ("upright", "dots")


def test_of_many_classes_the_five_likeliest_are_told():
    names = [f"class {number}" for number in range(30)]
    many = prediction.ImagePrediction().fitted({**INFO, "classes": names})
    (record,) = many.records([result([np.arange(30) / 435])])
    assert [record[name] for name in ("class", "class_2", "class_5")] == [
        "class 29",
        "class 28",
        "class 25",
    ]
    assert record["probability_5"] == pytest.approx(25 / 435)
    assert len(record) == 10


def test_the_confusion_matrix_is_drawn(tmp_path):
    told = np.eye(3)[[0, 1, 1, 2]]
    results = [result(told[:2], labels=[0, 1]), result(told[2:], labels=[2, 2])]
    PREDICTION.plot(tmp_path / "plot.png", results)
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_without_classes_is_refused(tmp_path):
    with pytest.raises(UserError, match="needs images whose targets are known"):
        PREDICTION.plot(tmp_path / "plot.png", [result([[0.1, 0.7, 0.2]])])
    assert not list(tmp_path.iterdir())
