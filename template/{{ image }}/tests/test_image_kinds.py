"""Images as people have them are read as what they show, or refused in one line."""

import argparse
import csv
import sys
from typing import Any

import numpy as np
import pytest

from . import image_kinds
from .kinds import records, told_of
from .project import data, errors, folders, prediction, schema, sources, storage

KINDS = {kind.name: kind for kind in image_kinds.KINDS}
SPLITS = storage.splitting.SPLITS


def prepared(kind, folder):
    """What `prepare` says of a kind, in an empty folder."""
    kind.write(folder)
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    words = ["--source", str(folder / kind.source), *kind.words]
    source = sources.from_arguments(parser.parse_args(words))
    settings = data.ImageData(directory=str(folder / "data"))
    return settings.prepare(source, overwrite=False, progress=False)


def pairs(folder):
    """What is predicted of all images, and their pixels."""
    known = schema.ImageSchema.of(storage.dataset.DataSet.open(folder / "data").info)
    stored = b"".join(record for part in records(folder / "data").values() for record in part)
    names, classes = known.targets.names, known.targets.task == "classification"
    rows: Any = np.frombuffer(stored, known.record_type)
    return [
        (names[row["label"]] if classes else row["label"].tolist(), row["image"]) for row in rows
    ]


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """The data set of the clean images."""
    folder = tmp_path_factory.mktemp("clean")
    prepared(image_kinds.KINDS[0], folder)
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_read_or_refused(name, clean, tmp_path):
    kind = KINDS[name]
    told_of(kind, prepared, tmp_path)
    if kind.fails:
        return
    if kind.holds is None:
        found, expected = records(tmp_path / "data"), records(clean / "data")
        assert all(sorted(found[split]) == sorted(expected[split]) for split in SPLITS)
    else:
        found = pairs(tmp_path)
        assert len(found) == len(kind.holds)
        for target, pixels in kind.holds:
            at = next(
                at
                for at, (there, image) in enumerate(found)
                if there == target and np.abs(image.astype(int) - pixels).max() <= kind.near
            )
            assert found.pop(at)[1].shape == pixels.shape


def test_skipped_images_are_listed_beside_the_data_set(tmp_path):
    kind = KINDS["the same, `--on-error skip`"]
    prepared(kind, tmp_path)
    with (tmp_path / "data.skipped.csv").open(newline="") as file:
        head, first, second = csv.reader(file)
    assert head == ["image", "problem"]
    assert first[0].endswith("photos/ant/cut.png") and "truncated" in first[1]
    assert second == [str(tmp_path / "photos" / "bee" / "text.jpg"), "its format is unknown"]


def test_images_that_are_too_many_to_skip_are_listed_too(tmp_path):
    with pytest.raises(errors.UserError, match=r"data.skipped.csv lists them; the last is .*text"):
        prepared(KINDS["more of them than 5 %"], tmp_path)
    assert (tmp_path / "data.skipped.csv").read_text().count("\n") == 3
    assert not (tmp_path / "data").exists()


def test_many_bands_need_a_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tifffile", None)
    message = r"000.tif cannot be .*: that needs the package tifffile: run `uv add tifffile`"
    with pytest.raises(errors.UserError, match=message):
        prepared(KINDS["five bands"], tmp_path)


def test_a_tables_groups_stay_together(tmp_path):
    line = "all/{0}.png,{1},patient {2}"
    write = image_kinds.table(
        lambda at, label: line.format(at, label, at // 3), "file,class,patient"
    )
    words = ("--target", "class", "--group", "patient")
    kind = image_kinds.Kind("", write, words, source="photos/list.csv")
    assert "by SHA-256 of column 'patient'" in prepared(kind, tmp_path)
    patients = {pixels.tobytes(): at // 3 for at, (_, pixels) in enumerate(image_kinds.CLEAN)}
    stored = records(tmp_path / "data").values()
    splits = [{patients[record[4:]] for record in part} for part in stored]
    assert sum(map(len, splits)) == len(set.union(*splits)) == 10


# What was prepared is read likewise later


def read(kind, folder, *paths, targets=False):
    """What a model that was trained on a kind reads of others."""
    prepared(KINDS[kind], folder)
    info = storage.dataset.DataSet.open(folder / "data").info
    how = prediction.ImagePrediction().fitted(info)
    chunks = list(how.read(data.ImageData(batch_size=64), list(map(str, paths)), targets=targets))
    (chunk,) = chunks
    count = len(chunk.rows)
    pixels = chunk.batch["images"][:count] * np.array(info["std"]) + np.array(info["mean"])
    most = 2 ** info["bits"] - 1
    labels = chunk.batch["labels"][:count].tolist() if targets else None
    return chunk.rows, np.rint(pixels * most).astype(int), labels


def test_one_flat_folder_is_predicted(tmp_path):
    KINDS["one flat folder"].write(tmp_path / "flat")
    rows, pixels, _ = read("`.bmp`", tmp_path, tmp_path / "flat")
    order = sorted(range(30), key=str)
    assert [row["file"] for row in rows] == [f"{tmp_path}/flat/photos/{at}.png" for at in order]
    np.testing.assert_array_equal(pixels, image_kinds.STACK[order])


@pytest.mark.parametrize("name", ["grey", "CMYK", "transparent parts", "turned by the camera"])
def test_images_to_predict_are_brought_to_the_form_of_the_data_set(name, tmp_path):
    KINDS[name].write(tmp_path / "new")
    _, pixels, _ = read("`.bmp`", tmp_path, tmp_path / "new")
    expected = [
        np.broadcast_to(image, (10, 12, 3)) for _, image in KINDS[name].holds or image_kinds.CLEAN
    ]
    assert sorted(map(np.ndarray.tobytes, pixels)) == sorted(
        image.astype(int).tobytes() for image in expected
    )


def test_other_bands_are_refused(tmp_path):
    KINDS["five bands"].write(tmp_path / "new")
    message = r"ant/000.tif cannot be read as an image: it has 5 channels; 3 are wanted"
    with pytest.raises(errors.UserError, match=message):
        read("`.bmp`", tmp_path, tmp_path / "new")


@pytest.mark.parametrize(
    "name",
    ["a table of paths and classes", "Parquet as Hugging Face writes it", "JSON lines", "`.npz`"],
)
def test_tables_and_arrays_are_evaluated_and_predicted(name, tmp_path):
    kind = KINDS[name]
    path = tmp_path / kind.source
    rows, pixels, labels = read(name, tmp_path, path, targets=True)
    np.testing.assert_array_equal(pixels, image_kinds.STACK)
    assert labels == image_kinds.NUMBERS.tolist()
    info = storage.dataset.DataSet.open(tmp_path / "data").info
    how = prediction.ImagePrediction().fitted(info)
    (chunk,) = how.read(data.ImageData(batch_size=64), [str(path)], targets=False)
    assert chunk.rows == rows and "labels" not in chunk.batch


def test_a_table_to_predict_needs_no_targets(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "t.csv").write_text("file\n../photos/all/7.png\n")
    name = "a table of paths and classes"
    (row,), pixels, _ = read(name, tmp_path, tmp_path / "new" / "t.csv")
    assert row["file"].endswith("photos/all/7.png")
    np.testing.assert_array_equal(pixels[0], image_kinds.CLEAN[7][1])
    (tmp_path / "data").rename(tmp_path / "old")
    info = storage.dataset.DataSet.open(tmp_path / "old").info
    known = prediction.ImagePrediction().fitted(info)
    with pytest.raises(errors.UserError, match=r"t.csv has no column 'class'; its columns: file"):
        list(known.read(data.ImageData(), [str(tmp_path / "new" / "t.csv")], targets=True))


def test_classes_of_tables_that_the_model_does_not_know_are_refused(tmp_path):
    (tmp_path / "t.csv").write_text("file,class\nphotos/all/7.png,yak\n")
    name = "a table of paths and classes"
    message = "all/7.png: the model knows no class 'yak' but ant, bee, cow"
    with pytest.raises(errors.UserError, match=message):
        read(name, tmp_path, tmp_path / "t.csv", targets=True)


def test_folders_are_passed_over_in_a_fixed_order(tmp_path):
    for name in ("b/2.png", "b/10.png", "a/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [item.where for item in folders.Folder(tmp_path).items()]
    assert found == [str(tmp_path / name) for name in ("a/1.png", "b/10.png", "b/2.png")]
