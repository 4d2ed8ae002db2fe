"""Texts as people have them are read as what they mean, or refused in one line."""

import argparse

import numpy as np
import pytest

from . import text_kinds
from .kinds import told_of
from .project import data, prediction, sources, storage, tokenization, tokenizer

KINDS = {kind.name: kind for kind in text_kinds.KINDS}
DOCUMENT = tokenizer.DOCUMENT


def prepared(kind, folder):
    """What `prepare` says of a kind, in an empty folder."""
    kind.write(folder)
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    words = ["--source", str(folder / kind.pattern), *kind.words]
    source = sources.from_arguments(parser.parse_args(words))
    settings = data.TextData(directory=str(folder.with_suffix(".data")), seq_len=4)
    return settings.prepare(source, overwrite=False, progress=False)


def documents(folder):
    """The texts of all splits."""
    found = storage.dataset.DataSet.open(folder.with_suffix(".data"))
    texts = []
    for split in storage.splitting.SPLITS:
        stored = b"".join(found.source(split))
        ids = tokenization.storing.from_stored(stored, found.info["dtype"])
        parts = np.split(ids, np.flatnonzero(ids == DOCUMENT)[1:])
        texts += [tokenizer.TOKENIZER.decode(part) for part in parts[:-1]]
    return texts


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_read_or_refused(name, tmp_path):
    kind, folder = KINDS[name], tmp_path / "texts"
    if kind.needs:
        pytest.importorskip(kind.needs)
    folder.mkdir()
    told_of(kind, prepared, folder)
    if kind.texts is not None and not kind.fails:
        assert sorted(documents(folder)) == sorted(kind.texts)


@pytest.mark.parametrize("name", [name for name in KINDS if "one large" in name])
def test_what_was_cut_is_still_there(name, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    prepared(KINDS[name], folder)
    (file,) = folder.iterdir()
    text = file.read_text()
    if file.suffix == ".jsonl":
        import json

        text = "".join(json.loads(line)["in"]["text"] for line in text.splitlines())
    found = documents(folder)
    assert all(piece in text for piece in set(found))
    assert sum(map(len, found)) == len(text)
    assert all(piece[-1] in "\n " for piece in found if not text.endswith(piece))


@pytest.mark.parametrize(
    "name", ["the same, `--encoding cp1252`", "a field inside another, `--field data.body`"]
)
def test_files_to_predict_are_read_as_those_that_were_prepared(name, tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    prepared(KINDS[name], folder)
    read = data.TextData(directory=str(folder.with_suffix(".data")), seq_len=16, batch_size=8)
    how = prediction.TextPrediction().fitted(read.info())
    told = {}
    for chunk in how.read(read, [str(folder / "*")], targets=True):
        for row, targets in zip(chunk.rows, chunk.batch["targets"], strict=False):
            key = row["number"], row["document"]
            told.setdefault(key, []).append(targets[targets < 256])
    texts = [tokenizer.TOKENIZER.decode(np.concatenate(parts)) for parts in told.values()]
    assert texts == list(KINDS[name].texts or ())


def test_a_long_document_costs_what_it_costs_as_a_whole(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("".join(f"line {at}\n" for at in range(200)))
    read = data.TextData(directory=str(tmp_path / "none"), seq_len=16, batch_size=4)
    windows = []
    for most in (sources.PIECE_BYTES, 100):
        monkeypatch.setattr(sources, "PIECE_BYTES", most)
        chunks = prediction.TextPrediction().read(read, [str(tmp_path / "a.txt")], targets=True)
        windows.append([(chunk.rows, chunk.batch["targets"].tolist()) for chunk in chunks])
    assert windows[0] == windows[1]
    assert len({row["number"] for rows, _ in windows[0] for row in rows}) == 1
