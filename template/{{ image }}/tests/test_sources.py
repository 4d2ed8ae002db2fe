"""Images from files: how they may lie, how they are read, and each mistake that is reported."""

import argparse
import functools
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from . import tiny_images
from .project import data, errors, folders, images, preparation, schema, sources, storage

UserError = errors.UserError
SPLITS = storage.splitting.SPLITS
Form = images.Form
GREY, COLOUR = Form(8, 8, 1), Form(8, 8, 3)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def source(*arguments):
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    return sources.from_arguments(parser.parse_args(arguments))


def prepare(*arguments, overwrite: Any = False, **changes: Any):
    settings = data.ImageData(directory="data/images", **changes)
    return settings.prepare(source(*arguments), overwrite=overwrite, progress=False)


def save(path, pixels=None, **options):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((8, 8), 7, np.uint8) if pixels is None else pixels
    Image.fromarray(np.asarray(pixels)).save(path, **options)
    return path


def opened():
    return storage.dataset.DataSet.open(Path("data/images"))


def records(split) -> Any:
    """Images and labels of a split as they are stored."""
    data_set = opened()
    kept = data_set.source(split)
    kind = schema.ImageSchema.of(data_set.info).record_type
    return np.frombuffer(b"".join(kept[at] for at in range(len(kept))), kind)


def scan(folder, *details):
    return list(folders.Folder(Path(folder), *details).items())


# Where files lie


def test_a_folder_names_the_class(folder):
    for name in ("b/2.PNG", "b/1.jpg", "a/1.webp", ".hidden/x.png", "a/.x.png", "a/notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).touch()
    found = [(item.where, *item.targets, item.split) for item in scan(".")]
    assert found == [("a/1.webp", "a", None), ("b/1.jpg", "b", None), ("b/2.PNG", "b", None)]


def test_ready_made_splits_are_kept(folder):
    for split in ("train", "validation", "test"):
        tiny_images.write(folder / "photos" / split, in_class=3, seed=len(split))
    assert {item.split for item in scan(folder / "photos")} == set(SPLITS)
    told = prepare("--source", "photos")
    assert told.count("9 images: across 3, dots 3, upright 3") == 3
    assert "split by folders" in told
    for split in SPLITS:
        assert sorted(records(split)["label"].tolist()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_a_class_may_bear_the_name_of_a_split(folder):
    for name in ("train", "car"):
        (folder / name).mkdir()
        (folder / name / "1.png").touch()
    assert [item.targets for item in scan(folder)] == [("car",), ("train",)]


MISPLACED = {
    "nothing": (["notes.txt"], r"here holds no image \(png, jpg"),
    "no folders": (["1.png"], r"here/1.png lies where no image belongs: give a folder of c"),
    "beside classes": (["a/1.png", "1.png"], r"here/1.png lies where no image belongs"),
    "an empty class": (["a/1.png", "b/notes.txt"], r"here/b holds no image \(png, jpg"),
    "deeper folders": (["a/1.png", "b/c/1.png"], r"here/b/c/1.png lies where no image belongs"),
    "other splits": (["train/a/1.png", "test/a/1.png"], r"here/test/a/1.png lies where no image"),
    "beside splits": (
        ["train/a/1.png", "validation/a/1.png", "test/a/1.png", "1.png"],
        r"here/1.png lies where no image belongs",
    ),
    "mixed": (
        ["train/a/1.png", "validation/a/1.png", "test/1.png"],
        r"here/test/1.png lies where no image belongs",
    ),
    "too deep": (
        ["train/a/b/1.png", "validation/a/1.png", "test/a/1.png"],
        r"here/train/a/b/1.png lies where no image belongs",
    ),
}


@pytest.mark.parametrize("name", MISPLACED)
def test_misplaced_files_are_reported(folder, name):
    files, message = MISPLACED[name]
    for file in files:
        (folder / "here" / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / "here" / file).touch()
    with pytest.raises(UserError, match=message) as caught:
        prepare("--source", "here")
    assert "\n" not in str(caught.value)
    assert not (folder / "data" / "images").exists()


def test_faulty_arguments_are_reported(folder):
    with pytest.raises(UserError, match="--source nowhere matches no file"):
        source("--source", "nowhere")
    (folder / "file.png").touch()
    for words, message in FAULTY.items():
        with pytest.raises(UserError, match=message) as caught:
            source(*words.split())
        assert "\n" not in str(caught.value)


FAULTY = {
    "--source file.png": "--source file.png: give a folder with a folder for each class, or a t",
    "--source . --target x": "--target is for tables, named by --source",
    "--source . --size 3by4": "--size 3by4: give one number, or height and width such as 64x96",
    "--source . --channels 0": "--channels 0: give 1 or more",
    "--source . --max-errors 3": "--max-errors goes with --on-error skip",
    "--source . --on-error skip --max-errors x": "--max-errors x: give a number, or a share such",
    "--source . --label (": r"--label \( is no regular expression",
    "--label x": "--label is for a folder of images",
}


def test_images_are_found_by_name_by_pattern_and_in_folders(folder):
    for name in ("a/1.png", "a/deep/2.jpg", "a/notes.txt", "b[1].png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    found = folders.find(["a", "a/*.png", "b[1].png"])
    assert found == ["a/1.png", "a/deep/2.jpg", "b[1].png"]
    for pattern in ("*.gif", "nothing", "a/deep/*.png"):
        with pytest.raises(UserError, match="matches no image"):
            folders.find([pattern])


# Reading


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tiff", "webp"])
def test_formats_without_loss_are_read_as_they_are(suffix):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint8)
    options = {"lossless": True} if suffix == "webp" else {}
    found = images.load(save(f"a.{suffix}", pixels, **options), GREY)
    np.testing.assert_array_equal(found.pixels[..., 0], pixels)
    assert found.digest == images.load(save("same.png", pixels), COLOUR).digest


def test_jpeg_is_read():
    pixels = images.load(save("a.jpg", np.full((8, 8), 200, np.uint8)), GREY).pixels
    np.testing.assert_allclose(pixels.astype(int), 200, atol=2)


def test_grey_becomes_colour_and_colour_grey():
    grey = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint8)
    found = images.load(save("grey.png", grey), COLOUR).pixels
    assert all(np.array_equal(found[..., channel], grey) for channel in range(3))
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    assert (images.load(save("red.png", red), COLOUR).pixels == [255, 0, 0]).all()
    assert (images.load(save("red.png", red), GREY).pixels == 76).all()


def test_an_image_is_scaled_until_it_covers_and_its_middle_is_kept():
    wide = np.zeros((16, 48), np.uint8)
    wide[:, 16:32] = 255
    # At the edge of what is kept, scaling blends in what lies beyond.
    assert (images.load(save("wide.png", wide), GREY).pixels[:, 1:-1] == 255).all()
    assert (images.load(save("tall.png", wide.T), GREY).pixels[1:-1] == 255).all()
    assert images.load(save("wide.png", wide), Form(4, 12, 1)).pixels.shape == (4, 12, 1)


def test_sixteen_bits_become_eight():
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1024
    found = images.load(save("deep.png", pixels), GREY).pixels[..., 0]
    np.testing.assert_array_equal(found, pixels // 256)


def test_transparency_becomes_white():
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:4, :, 3] = 255
    found = images.load(save("clear.png", pixels), GREY).pixels[..., 0]
    assert (found[:4] == 0).all() and (found[4:] == 255).all()


def test_a_picture_is_turned_as_the_camera_says():
    pixels = np.zeros((8, 8), np.uint8)
    pixels[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the picture is at the right
    found = images.load(save("turned.png", pixels, exif=exif), GREY).pixels[..., 0]
    assert (found[:, 4:] == 255).all() and (found[:, :4] == 0).all()


def test_of_a_moving_image_the_first_frame_is_taken():
    frames = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (0, 255)]
    frames[0].save("a.gif", save_all=True, append_images=frames[1:])
    assert (images.load(Path("a.gif"), GREY).pixels == 0).all()


def test_many_files_are_read_in_their_order():
    paths = [save(f"{n:03}.png", np.full((8, 8), n, np.uint8)) for n in range(150)]
    items = [folders.Item(str(path), path) for path in paths]
    parts = images.mapped(functools.partial(images.load_some, GREY), items)
    found = {item.content: read for part in parts for item, read in zip(*part, strict=True)}
    assert list(found) == paths
    assert [read.pixels[0, 0, 0] for read in found.values()] == list(range(150))


def test_processes_read_what_threads_read(monkeypatch):
    paths = [save(f"{n:03}.png", np.full((8, 8), n, np.uint8)) for n in range(66)]
    items = [folders.Item(str(path), path) for path in paths]
    read = functools.partial(images.load_some, GREY)
    monkeypatch.setattr(images, "_AT_ONCE", 4)
    monkeypatch.setattr(images, "_MANY", 8)
    monkeypatch.setattr(images, "_cores", lambda: 2)
    found = [picture for _, part in images.mapped(read, items) for picture in part]
    assert [picture.digest for picture in found] == [
        images.load(path, GREY).digest for path in paths
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no image", "its format is unknown"),
        (b"", "its format is unknown"),
        ("cut", r"cannot be read as an image: "),
        ("float", "more than 16 bits"),
        ("folder", "Is a directory"),
    ],
)
def test_a_broken_file_is_reported(folder, content, message):
    tiny_images.write(folder / "photos", in_class=3)
    path = folder / "photos" / "dots" / "broken.tiff"
    if content == "cut":
        noise = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
        path = save(path.with_suffix(".png"), noise)
        path.write_bytes(path.read_bytes()[:1000])
    elif content == "float":
        save(path, np.zeros((8, 8), np.float32))
    elif content == "folder":
        path.mkdir()
        with pytest.raises(ValueError, match=message):
            images.load(path, GREY)
        return
    else:
        path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        prepare("--source", "photos")
    assert "photos/dots/broken" in str(caught.value) and "\n" not in str(caught.value)
    assert not (folder / "data" / "images").exists()


# Data sets


def test_every_image_is_in_exactly_one_split(folder):
    tiny_images.write(folder / "photos")
    prepare("--source", "photos")
    kept = [records(split) for split in SPLITS]
    assert sum(map(len, kept)) == 120
    assert len({each["image"].tobytes() for split in kept for each in split}) > 100
    counts = opened().info["split"]["counts"]
    assert [*counts.values()] == [len(split) for split in kept] == [84, 12, 24]
    for split, count in zip(kept, (28, 4, 8), strict=True):
        assert np.bincount(split["label"]).tolist() == [count] * 3


def test_equal_images_fall_into_one_split_whatever_their_format(folder):
    tiny_images.write(folder / "photos")
    for path in sorted(folder.glob("photos/*/*.png")):
        Image.open(path).save(path.with_suffix(".bmp"))
    prepare("--source", "photos")
    kept = [{each["image"].tobytes() for each in records(split)} for split in SPLITS]
    assert sum(map(len, kept)) == len(set.union(*kept))
    assert sum(len(records(split)) for split in SPLITS) == 240


def test_adding_images_moves_few_of_the_others(folder):
    tiny_images.write(folder / "photos")
    prepare("--source", "photos")
    before = {split: {each.tobytes() for each in records(split)} for split in SPLITS}
    tiny_images.write(folder / "more", in_class=2, seed=1)
    for path in sorted(folder.glob("more/*/*.png")):
        path.rename(folder / "photos" / path.parent.name / f"more-{path.name}")
    prepare("--source", "photos", overwrite=True)
    moved = (there - {each.tobytes() for each in records(at)} for at, there in before.items())
    assert sum(map(len, moved)) <= 6


def test_a_larger_size_changes_no_split(folder):
    tiny_images.write(folder / "photos")
    counts = []
    for size in (8, 12):
        prepare("--source", "photos", "--size", str(size), overwrite=True)
        counts.append(opened().info["split"])
    assert counts[0] == counts[1]


def test_the_description_says_what_a_model_needs(folder):
    tiny_images.write(folder / "photos")
    told = prepare("--source", "photos", channels=3)
    info = opened().info
    assert info["classes"] == list(tiny_images.CLASSES)
    assert info["shape"] == [8, 8, 3]
    pixels = records("train")["image"] / 255
    np.testing.assert_allclose(info["mean"], pixels.mean((0, 1, 2)), atol=1e-5)
    np.testing.assert_allclose(info["std"], pixels.std((0, 1, 2)), atol=1e-5)
    assert told.startswith(
        "data/images: photos\n  120 PNG L\n  3 classes; images of 8 by 8 pixels, c"
    )


def test_of_many_classes_each_has_a_line(folder):
    for number in range(12 * 10):
        path = folder / "photos" / f"class {number % 12:02}" / f"{number}.png"
        save(path, np.full((2, 2), number, np.uint8))
    told = prepare("--source", "photos").splitlines()
    at = told.index("       train validation       test")
    assert told[at + 1 :] == [
        f"           7          1          2  class {number:02}" for number in range(12)
    ]


def test_sizes_that_contradict_each_other_are_refused(folder):
    tiny_images.write(folder / "photos", in_class=4)
    for words, changes, message in (
        (
            ("--size", "9"),
            {"height": 8, "width": 8},
            "--size 9x9 and data.height=8, data.width=8",
        ),
        (("--channels", "3"), {"channels": 1}, "--channels 3 and data.channels=1: give one"),
        ((), {"height": 8}, "data.height and data.width: give both, or --size"),
    ):
        with pytest.raises(UserError, match=message):
            prepare("--source", "photos", *words, **changes)
    told = prepare("--source", "photos", "--size", "6x4", height=6, width=4)
    assert "images of 6 by 4 pixels" in told


def test_a_data_set_of_an_older_release_is_read(folder):
    tiny_images.write(folder / "photos")
    prepare("--source", "photos")
    path = folder / "data" / "images" / "dataset.json"
    manifest, before = json.loads(path.read_text()), opened().info
    known = ("kind", "source", "shape", "classes", "mean", "std", "split")
    manifest["info"] = {name: manifest["info"][name] for name in known}
    path.write_text(json.dumps(manifest))
    assert opened().info != before
    assert schema.ImageSchema.of(opened().info) == schema.ImageSchema.of(before)
    settings = data.ImageData(directory="data/images", height=8, width=8, channels=1, batch_size=4)
    (batch, *_) = settings.eval_batches("test", limit=None, process=0, processes=1)
    assert batch["images"].shape == (4, 8, 8, 1)
    assert preparation.summary(opened())


def test_a_channel_that_never_changes_does_not_divide_by_zero(folder):
    for label in "ab":
        for split in SPLITS:
            save(folder / "photos" / split / label / "1.png", np.zeros((8, 8), np.uint8))
    prepare("--source", "photos")
    assert opened().info["std"] == pytest.approx([1 / 255], abs=1e-6)


def test_too_few_images_are_reported(folder):
    save("one/a/1.png")
    with pytest.raises(UserError, match="one has one class only, a: give two or more"):
        prepare("--source", "one")
    for split in SPLITS:
        save(f"photos/{split}/a/1.png")
    save("photos/test/b/1.png")
    with pytest.raises(UserError, match="class b has no image to train on among its 1"):
        prepare("--source", "photos")
    save("few/a/1.png")
    save("few/b/1.png")  # all four are equal and so in one split
    with pytest.raises(UserError, match=r"the \w+ split has no example: 2 examples are too few"):
        prepare("--source", "few")
    assert not (folder / "data" / "images").exists()


def test_a_failed_preparation_leaves_the_old_data(folder):
    tiny_images.write(folder / "photos")
    prepare("--source", "photos")
    before = sorted(path.name for path in (folder / "data" / "images").iterdir())
    (folder / "photos" / "dots" / "000.png").write_bytes(b"broken")
    with pytest.raises(UserError, match=r"dots/000.png cannot be read"):
        prepare("--source", "photos", overwrite=True)
    assert sorted(path.name for path in (folder / "data" / "images").iterdir()) == before
    with pytest.raises(UserError, match="--overwrite"):
        prepare("--source", "photos")


@pytest.mark.parametrize(
    ("place", "group"),
    [("{}/{}.png", "^[^/]+"), ("{}_{}.png", "^[^_]+"), ("x/{}-{}.png", r"\d+(?=-)")],
)
def test_images_of_a_group_stay_together(folder, place, group):
    """Patients of four images, each with images of two classes."""
    for number in range(240):
        label, patient = "ab"[number % 2], number // 4
        path = folder / "photos" / label / place.format(patient, number)
        save(path, np.full((8, 8), number, np.uint8))
    told = prepare("--source", "photos", "--group", group)
    assert f"by SHA-256 of {group!r} in the path" in told
    found = [{int(each["image"].max()) // 4 for each in records(split)} for split in SPLITS]
    assert sum(map(len, found)) == len(set.union(*found)) == 60
    assert opened().info["split"]["counts"] == {"train": 168, "validation": 24, "test": 48}


def test_faulty_groups_are_reported(folder):
    with pytest.raises(UserError, match=r"--group \( is no regular expression: "):
        source("--source", ".", "--group", "(")
    with pytest.raises(UserError, match="--group needs images of your own"):
        source("--group", "x")
    tiny_images.write(folder / "photos", in_class=3)
    with pytest.raises(UserError, match=r"--group x matches nothing in across/000.png"):
        prepare("--source", "photos", "--group", "x")
    for split in SPLITS:
        tiny_images.write(folder / "ready" / split, in_class=3)
    with pytest.raises(UserError, match="--group: ready has ready-made splits"):
        prepare("--source", "ready", "--group", "x")


# The sample


def test_the_sample_is_handwritten_digits(folder):
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    found = list(source().collection(folder).items())
    assert len(found) == 1797
    for number, item in enumerate(sorted(found, key=lambda item: item.content.name)):
        assert item.targets == (str(digits.target[number]),)
    pixels = images.load(sorted(folder.glob("digits/*/0007.png"))[0], GREY).pixels[..., 0]
    np.testing.assert_allclose(pixels * (16 / 255), digits.images[7], atol=0.04)


def test_a_missing_library_of_samples_is_reported(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(UserError, match=r"scikit-learn, which is not installed: .*--source"):
        prepare()
    assert not (folder / "data" / "images").exists()
