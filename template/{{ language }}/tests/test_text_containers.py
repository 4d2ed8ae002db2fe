"""The same documents in any container are the same data, for preparation and for predictions."""

import argparse
import bz2
import gzip
import json
import lzma
import random

import numpy as np
import pytest

from .project import data, documents, prediction, sources, storage

PACKINGS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "utf-16-le")
ALPHABET = 'abc  def\n\t\r"\\\\{}[]:,äöüß€“…'  # cp1252 has all of them


def random_texts(draw):
    """Documents of very different lengths, some of them equal."""
    texts = [
        f"{at} " + "".join(draw.choices(ALPHABET, k=draw.choice([0, 5, 100, 1000])))
        for at in range(draw.randint(60, 100))
    ]
    return [*texts, *draw.choices(texts, k=5)]


def write(draw, folder, texts):
    """Write documents as some files, and return what the command line is told of them."""
    folder.mkdir()
    form = draw.choice(["text", "jsonl", "jsonl", "ndjson", "parquet"])
    packing, coding = draw.choice(list(PACKINGS)), draw.choice(ENCODINGS)
    field = draw.choice(["text", "body", "meta.body"])
    words = ["--field", field]

    def record(text):
        name, _, inner = field.partition(".")
        value = {inner: text, "no": None} if inner else text
        return dict(draw.sample([("id", draw.random()), (name, value), ("more", [1, 2])], 3))

    if form == "parquet":
        pyarrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        made = pyarrow.Table.from_pylist([record(text) for text in texts])
        parquet.write_table(made, folder / "t.parquet", row_group_size=draw.randint(1, 200))
        return words
    contents = {f"{at:03}.txt": text for at, text in enumerate(texts)}
    if form != "text":
        ascii_only, end = draw.random() < 0.5, draw.choice(["\n", "\r\n", "\n\n"])
        border = draw.randint(1, len(texts) - 1)
        contents = {
            f"{name}.{form}": end.join(
                json.dumps(record(text), ensure_ascii=ascii_only) for text in part
            )
            for name, part in (("a", texts[:border]), ("b", texts[border:]))
        }
    for name, content in contents.items():
        (folder / f"{name}{packing}").write_bytes(PACKINGS[packing](content.encode(coding)))
    return words if coding in ENCODINGS[:4] else [*words, "--encoding", coding]


def prepare(folder, *words):
    """Prepare all files of a folder, and return the data settings."""
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    source = sources.from_arguments(parser.parse_args(["--source", str(folder / "*"), *words]))
    settings = data.TextData(directory=f"{folder}.data", seq_len=32, batch_size=16)
    settings.prepare(source, overwrite=False, progress=False)
    return settings


def as_predicted(folder, settings):
    """All targets of the files as `evaluate --source` reads them."""
    how = prediction.TextPrediction().fitted(settings.info())
    chunks = how.read(settings, [str(folder / "*")], targets=True)
    return np.concatenate([chunk.batch["targets"] for chunk in chunks])


@pytest.mark.parametrize("seed", range(12))
def test_documents_are_the_same_in_any_container(seed, tmp_path, monkeypatch):
    draw = random.Random(seed)
    texts = random_texts(draw)
    plain, other = tmp_path / "plain", tmp_path / "other"
    plain.mkdir()
    for at, text in enumerate(texts):
        (plain / f"{at:03}.txt").write_bytes(text.encode())
    expected = prepare(plain)
    words = write(draw, other, texts)
    if seed % 2:  # as of large files, all is read in parts, and lines of JSON, too
        monkeypatch.setattr(storage.decoding, "BLOCK_BYTES", 100)
        monkeypatch.setattr(documents, "LONG_LINE", 150)
    found = prepare(other, *words)
    assert found.fingerprint() == expected.fingerprint()
    for name in ("splits", "repeated_documents", "cut"):
        assert found.info()[name] == expected.info()[name]
    assert found.info()["repeated_documents"] >= 5
    np.testing.assert_array_equal(as_predicted(other, found), as_predicted(plain, expected))
