"""Batches: what is in them, and that nothing is lost."""

import hashlib
import json
import random

import numpy as np
import pytest

from .batching import equal, evaluate, take, train
from .project import data, errors, preparation, sources, storage, tokenization
from .project import tokenizer as tokens

UserError = errors.UserError
dataset, dataset_writer = storage.dataset, storage.dataset_writer
DOCUMENT, PAD = tokens.DOCUMENT, tokens.PAD


def texts(count, seed=0):
    generator = random.Random(seed)
    words = ["seven", "ship", "größer", "λ", "return", "\n", "of", "and"]
    return [
        f"{number}: " + " ".join(generator.choices(words, k=generator.randint(1, 60)))
        for number in range(count)
    ]


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A data set of 400 documents, made once."""
    folder = tmp_path_factory.mktemp("text")
    lines = [json.dumps({"text": text}) for text in texts(400)]
    (folder / "documents.jsonl").write_text("\n".join(lines))
    return prepare(folder / "data", folder / "documents.jsonl", seq_len=32)


def settings(directory, **changes):
    return data.TextData(directory=str(directory), **{"seq_len": 32, "batch_size": 8, **changes})


def prepare(directory, *files, seq_len):
    source = sources.Source("test", files)
    settings(directory, seq_len=seq_len).prepare(source, overwrite=False, progress=False)
    return directory


def fingerprint(directory):
    return dataset.DataSet.open(directory).fingerprint


def stream(directory, split):
    """All tokens of a split as they are stored."""
    found = dataset.DataSet.open(directory)
    records = b"".join(found.source(split))
    return tokenization.storing.from_stored(records, found.info["dtype"])


def documents(directory):
    """The texts of each split, in the order of the stream."""
    found = {}
    for split in preparation.SPLITS:
        ids = stream(directory, split).astype(np.int32)
        assert ids[0] == ids[-1] == DOCUMENT
        parts = np.split(ids, np.flatnonzero(ids == DOCUMENT)[1:])
        found[split] = [tokens.TOKENIZER.decode(part) for part in parts[:-1]]
    return found


# Splits


def test_every_document_is_in_exactly_one_split(directory):
    found = documents(directory)
    everything = [text for split in found.values() for text in split]
    assert sorted(everything) == sorted(texts(400))
    sizes = {split: sum(len(text.encode()) for text in found[split]) for split in found}
    for split, share in zip(preparation.SPLITS, (0.9, 0.05, 0.05), strict=True):
        assert abs(sizes[split] - share * sum(sizes.values())) < 400  # the longest document
    info = dataset.DataSet.open(directory).info
    assert info["split"]["by"] == "SHA-256 of the document"
    assert info["split"]["counts"] == {split: len(found[split]) for split in found}


def test_the_order_is_by_hash_and_so_the_same_for_files_in_any_order(directory, tmp_path):
    shuffled = texts(400)
    random.Random(5).shuffle(shuffled)
    for number, text in enumerate(shuffled):
        (tmp_path / f"{number}.txt").write_text(text)
    again = prepare(tmp_path / "data", *sorted(tmp_path.glob("*.txt")), seq_len=32)
    assert fingerprint(again) == fingerprint(directory)


def test_duplicates_fall_into_one_split(tmp_path):
    (tmp_path / "twice.jsonl").write_text(
        "\n".join(json.dumps({"text": text}) for text in texts(200) * 2)
    )
    found = documents(prepare(tmp_path / "d", tmp_path / "twice.jsonl", seq_len=8))
    assert sum(len(split) for split in found.values()) == 400
    assert sum(len(set(split)) for split in found.values()) == 200


def test_adding_documents_moves_few_of_the_others(directory, tmp_path):
    (tmp_path / "more.jsonl").write_text(
        "\n".join(json.dumps({"text": text}) for text in [*texts(400), *texts(100, seed=1)])
    )
    more = documents(prepare(tmp_path / "d", tmp_path / "more.jsonl", seq_len=8))
    moved = (set(there) - set(more[split]) for split, there in documents(directory).items())
    assert sum(map(len, moved)) <= 8


def test_the_order_is_that_of_the_hashes(directory):
    for found in documents(directory).values():
        digests = [hashlib.sha256(text.encode()).digest() for text in found]
        assert digests == sorted(digests)


# Examples


@pytest.mark.parametrize("seq_len", [1, 7, 64, 4095, 4096, 4097, 9000])
def test_windows_reassemble_the_stream_exactly(tmp_path, seq_len):
    ids = np.random.default_rng(0).integers(0, 256, 10_000).astype("<u2")
    info = {"chunk_tokens": 4096, "dtype": "<u2", "splits": {"train": {"tokens": len(ids)}}}
    with dataset_writer.DataSetWriter(tmp_path) as writer:
        for start in range(0, len(ids), 4096):
            writer.write("train", ids[start : start + 4096].tobytes())
        examples = data.TextExamples(writer.commit(info), "train", seq_len, tokens.TOKENIZER)
    read = examples.read(np.arange(len(examples)))
    assert np.array_equal(read["targets"][read["targets"] != PAD], ids[1:])
    assert np.array_equal(read["tokens"].reshape(-1)[: len(ids) - 1], ids[:-1])
    padding = examples.read(np.array([-1]))
    assert np.array_equal(padding["tokens"], np.full((1, seq_len), PAD))
    assert not padding["weights"].any()


def test_examples_at_the_boundaries_of_documents():
    window = np.array(
        [[65, 66, DOCUMENT, 67, 68, DOCUMENT, 69, PAD, PAD], [DOCUMENT, *range(70, 78)]], np.int32
    )
    batch = data.make_batch(window, tokens.TOKENIZER)
    assert batch["tokens"].tolist() == window[:, :-1].tolist()
    assert batch["targets"].tolist() == window[:, 1:].tolist()
    assert batch["segments"].tolist() == [[1, 1, 2, 2, 2, 3, 3, 0], [1] * 8]
    assert batch["positions"].tolist() == [[0, 1, 0, 1, 2, 0, 1, 0], list(range(8))]
    assert batch["weights"].tolist() == [[1, 1, 1, 1, 1, 1, 0, 0], [1] * 8]
    assert batch["bytes"].tolist() == [[1, 0, 1, 1, 0, 1, 0, 0], [1] * 8]


def test_tokenizer_round_trip():
    text = "naïve λ\r\n\x00 😀"
    ids = tokens.TOKENIZER.encode(text)
    assert tokens.TOKENIZER.decode(ids) == text
    assert tokens.TOKENIZER.decode(np.concatenate([[DOCUMENT], ids, [PAD]])) == text
    assert tokens.TOKENIZER.decode(np.array([0x61, 0xFF])) == "a\ufffd"
    assert max(DOCUMENT, PAD) < tokens.TOKENIZER.vocab_size


def test_the_end_of_a_document_is_a_target(directory):
    ends = sum(
        int(((batch["targets"] == DOCUMENT) * batch["weights"]).sum())
        for batch in evaluate(settings(directory))
    )
    assert ends == len(documents(directory)["validation"])


def test_shapes_and_types(directory):
    batch = next(train(settings(directory)))
    assert {name: (array.shape, str(array.dtype)) for name, array in batch.items()} == {
        "tokens": ((8, 32), "int32"),
        "targets": ((8, 32), "int32"),
        "segments": ((8, 32), "int32"),
        "positions": ((8, 32), "int32"),
        "bytes": ((8, 32), "int32"),
        "weights": ((8, 32), "float32"),
    }
    assert settings(directory).tokens_per_batch == 8 * 32


# Training batches


def rows(batches):
    return sorted(tuple(row) for batch in batches for row in batch["targets"].tolist())


def test_an_epoch_holds_each_window_once_and_epochs_differ(directory):
    ids = stream(directory, "train")
    in_epoch = -(-(len(ids) - 1) // 32)
    iterator = train(settings(directory, batch_size=1))
    first, second = take(iterator, in_epoch), take(iterator, in_epoch)
    assert sum(int(batch["weights"].sum()) for batch in first) == len(ids) - 1
    assert rows(first) == rows(second)
    assert [batch["targets"].tolist() for batch in first] != [
        batch["targets"].tolist() for batch in second
    ]


# Evaluation batches


@pytest.mark.parametrize("processes", [1, 2])
def test_evaluation_covers_the_split_once(directory, processes):
    read = settings(directory)
    shares = [evaluate(read, process=p, processes=processes) for p in range(processes)]
    assert len({len(share) for share in shares}) == 1
    targets = np.stack([np.stack([b["targets"] for b in share], 0) for share in shares], axis=2)
    targets = targets.reshape(-1)  # batches, then examples in their order
    ids = stream(directory, "validation")
    assert np.array_equal(targets[targets != PAD], ids[1:])
    weights = sum(float(batch["weights"].sum()) for share in shares for batch in share)
    assert weights == len(ids) - 1
    assert all(batch["tokens"].shape == (8 // processes, 32) for s in shares for batch in s)
    assert (shares[-1][-1]["weights"][-1] == 0).all()  # the last batch is not full here


def test_a_limit_spreads_evenly_over_the_split(directory):
    everything = evaluate(settings(directory, batch_size=2))
    windows_there = np.concatenate([batch["targets"] for batch in everything]).tolist()
    some = evaluate(settings(directory, batch_size=2), limit=3)
    assert len(some) == 3
    chosen = [windows_there.index(row) for batch in some for row in batch["targets"].tolist()]
    full = sum(row[0] != PAD for row in windows_there)
    gaps = np.diff([*chosen, full])
    assert chosen[0] == 0
    assert gaps.max() - gaps.min() <= 1
    assert all(map(equal, some, evaluate(settings(directory, batch_size=2), limit=3)))


# Mistakes


def test_data_that_does_not_suit_is_reported(directory):
    with pytest.raises(UserError, match=r"data.seq_len 100000 is too long: the train split"):
        train(settings(directory, seq_len=100_000))


def test_data_of_another_task_is_reported(tmp_path):
    with dataset_writer.DataSetWriter(tmp_path / "d") as writer:
        writer.write("train", b"pixels")
        writer.commit({"kind": "images"})
    with pytest.raises(UserError, match="holds no text but images"):
        train(settings(tmp_path / "d"))
