"""The same images in random formats and layouts are the same data."""

import argparse
import io
import itertools
import json
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from .project import data, prediction, schema, sources, storage

LOSSLESS = {
    "png": {"compress_level": 1},
    "bmp": {},
    "tiff": {"compression": "tiff_lzw"},
    "webp": {"lossless": True},
    "ppm": {},
}
NAMES = ("ant", "Ölkanne", "猫", "train", "10", "a b, c", "x;y")
LAYOUTS = ("folders", "splits", "names", "csv", "jsonl", "parquet", "npz")


def random_images(draw):
    """Images of one size and one mode with their classes."""
    random_pixels = np.random.default_rng(draw.randrange(2**32))
    height, width = draw.randint(1, 12), draw.randint(2, 12)
    shape = (height, width, 3) if draw.random() < 0.6 else (height, width)
    classes = draw.sample(NAMES, draw.randint(2, 4))
    return [
        (classes[at % len(classes)], random_pixels.integers(0, 256, shape).astype(np.uint8))
        for at in range(10 * len(classes))
    ]


def encoded(draw, pixels):
    """The bytes of a file without loss, and its suffix; some in a mode that shows the same."""
    suffix, image, whole = draw.choice(list(LOSSLESS)), Image.fromarray(pixels), io.BytesIO()
    options = dict(LOSSLESS[suffix])
    if draw.random() < 0.3 and suffix in ("png", "tiff", "webp"):
        image = image.convert("RGBA")
    elif draw.random() < 0.3 and suffix in ("png", "tiff"):
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = 3
        image = image.transpose(Image.Transpose.ROTATE_180)
    image.save(whole, suffix, **options)
    return whole.getvalue(), suffix


def write(draw, folder, images, layout):
    """Write images in random order and formats; returns what `prepare` is told."""
    images = draw.sample(images, len(images))
    stored = [(label, *encoded(draw, pixels)) for label, pixels in images]
    if layout == "npz":
        pixels = np.stack([pixels for _, pixels in images])
        classes = np.array([label for label, _ in images])
        np.savez(folder / "t.npz", pixels=pixels, classes=classes)
        return ["--source", str(folder / "t.npz")]
    if layout == "parquet":
        column = [content for _, content, _ in stored]
        labels = [label for label, *_ in stored]
        made = pa.table({"n": list(range(len(stored))), "seen": column, "kind": labels})
        parquet.write_table(made, folder / "t.parquet", row_group_size=draw.randint(1, 50))
        return ["--source", str(folder / "t.parquet"), "--target", "kind"]
    lines = []
    for number, (label, content, suffix) in enumerate(stored):
        name = {
            "folders": f"{label}/{number}.{suffix}",
            "splits": f"{('train', 'validation', 'test')[number % 3]}/{label}/{number}.{suffix}",
            "names": f"{draw.choice('abc')}/{label}_{number}.{suffix.upper()}",
        }.get(layout, f"in/{number % 4}/{number}.{suffix}")
        path = folder / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        lines.append((f"files/{name}", label))
    if layout == "csv":
        mark = draw.choice(";\t|")
        text = "".join(f"{mark.join(line)}\n" for line in [("path", "kind"), *map(quoted, lines)])
        (folder / "t.csv").write_text(text, encoding=draw.choice(["utf-8", "utf-16"]))
        return ["--source", str(folder / "t.csv")]
    if layout == "jsonl":
        rows = (json.dumps({"path": path, "kind": label}) + "\n" for path, label in lines)
        (folder / "t.jsonl").write_text("".join(rows), encoding="utf-8")
        return ["--source", str(folder / "t.jsonl")]
    more = ["--label", r"([^/]+)_\d+\."] if layout == "names" else []
    return ["--source", str(folder / "files"), *more]


def quoted(line):
    """Cells of CSV."""
    return tuple(f'"{cell}"' for cell in line)


def prepare(folder, words) -> Any:
    """The data set as its images with their classes, split by split, and its info."""
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    source = sources.from_arguments(parser.parse_args(words))
    settings = data.ImageData(directory=str(folder / "data"))
    settings.prepare(source, overwrite=False, progress=False)
    data_set = storage.dataset.DataSet.open(folder / "data")
    known = schema.ImageSchema.of(data_set.info)
    found = {}
    for split in storage.splitting.SPLITS:
        kept = data_set.source(split)
        read: Any = np.frombuffer(b"".join(kept[at] for at in range(len(kept))), known.record_type)
        found[split] = sorted(
            (known.targets.names[label], image.tobytes())
            for label, image in zip(read["label"], read["image"], strict=True)
        )
    return found, data_set.info


@pytest.mark.parametrize("seed", range(14))
def test_the_layout_does_not_matter(seed, tmp_path):
    draw = random.Random(seed)
    images, layout = random_images(draw), LAYOUTS[seed % len(LAYOUTS)]
    if layout == "names":  # a class is found before the last underscore
        images = [(label.replace(" ", "-"), pixels) for label, pixels in images]
    for name in ("clean", "other"):
        (tmp_path / name).mkdir()
    for number, (label, pixels) in enumerate(images):
        path = tmp_path / "clean" / "files" / label / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    clean, info = prepare(tmp_path / "clean", ["--source", str(tmp_path / "clean" / "files")])
    words = write(draw, tmp_path / "other", images, layout)
    # Grey images with a channel for transparency count as colour ones.
    more = ["--channels", "1" if images[0][1].ndim == 2 else "3"]
    other, found = prepare(tmp_path / "other", [*words, *more])
    assert found["classes"] == info["classes"] and found["shape"] == info["shape"]
    if layout == "splits":  # which are kept
        clean, other = ({"": sorted(itertools.chain(*each.values()))} for each in (clean, other))
    assert other == clean


def test_sources_are_read_alike_by_predictions(tmp_path):
    draw = random.Random(5)
    images = random_images(draw)
    expected = sorted(pixels.tobytes() for _, pixels in images)
    for layout in LAYOUTS:
        folder = tmp_path / layout
        folder.mkdir()
        words = write(draw, folder, images, layout)
        more = ["--channels", "1" if images[0][1].ndim == 2 else "3"]
        _, info = prepare(folder, [*words, *more])
        how = prediction.ImagePrediction().fitted(info)
        chunks = how.read(data.ImageData(batch_size=len(images)), [words[1]], targets=False)
        (chunk,) = chunks
        pixels = chunk.batch["images"] * np.array(info["std"]) + np.array(info["mean"])
        read = np.rint(pixels * 255).astype(np.uint8)
        assert sorted(map(np.ndarray.tobytes, read)) == expected
