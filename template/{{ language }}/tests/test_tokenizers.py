"""Data sets and runs with a tokenizer of their own."""

import json
import shutil

import numpy as np
import pytest

from . import tiny, tiny_task
from .project import command_line, data, errors, sources, storage, tokenization

UserError = errors.UserError
BYTES = tokenization.byte_tokenizer.TOKENIZER


def run(*words):
    return command_line.main([str(word) for word in words])


def prepare(folder, **options):
    files = tuple(sorted((folder / "text").iterdir()))
    source = sources.Source(name="tests", files=files, **options)
    settings = data.TextData(directory=str(folder / "data"), seq_len=32)
    return settings.prepare(source, overwrite=True, progress=False)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with texts, their data set, and a trained run."""
    folder = tmp_path_factory.mktemp("lab")
    tiny_task.write_corpus(folder / "text")
    prepare(folder, train_tokenizer=300)
    options = [f"--config={each}" for each in tiny.directives(folder / "data")]
    assert run("train", "--run-dir", folder / "run", *options) == 0
    return folder


def texts(directory):
    """The documents of all splits."""
    data_set = storage.dataset.DataSet.open(directory)
    made = tokenization.keeping.tokenizer_of({**data_set.info, "folder": directory})
    found = []
    for split in data_set.splits:
        records = data_set.source(split)
        stored = b"".join(records[at] for at in range(len(records)))
        ids = tokenization.storing.from_stored(stored, data_set.info["dtype"]).astype(np.int32)
        assert ids[0] == made.start and ids[-1] == made.end
        assert len(ids) == data_set.info["splits"][split]["tokens"]
        parts = np.split(ids, np.flatnonzero(ids == made.start)[1:])
        found += [made.decode(part) for part in parts[:-1] if len(part) > 1]
    return sorted(found)


def test_a_tokenizer_is_trained_on_the_training_split_and_kept(lab):
    assert texts(lab / "data") == sorted(path.read_text() for path in (lab / "text").iterdir())
    info = storage.dataset.DataSet.open(lab / "data").info
    made = tokenization.keeping.read_tokenizer(lab / "data" / "tokenizer")
    assert info["vocab_size"] == made.vocab_size <= 300
    assert info["tokenizer_digest"] == made.digest
    train = info["splits"]["train"]
    assert train["bytes"] == train["bytes_of_tokens"] > 2 * train["tokens"]


def test_a_trained_tokenizer_encodes_any_text(lab):
    made = tokenization.keeping.read_tokenizer(lab / "data")
    text = "naïve λ\r\n\x00 😀 你好世界\n\tdef f(x):  return नमस्ते العربية  "
    ids = made.encode(text)
    assert made.decode(ids) == text
    assert made.sizes[ids].sum() == len(text.encode())
    assert made.start == made.end


def test_training_a_tokenizer_repeats_exactly(lab, tmp_path):
    shutil.copytree(lab / "text", tmp_path / "text")
    prepare(tmp_path, train_tokenizer=300)
    found = [
        storage.dataset.DataSet.open(folder / "data").info["tokenizer_digest"]
        for folder in (lab, tmp_path)
    ]
    assert found[0] == found[1]


def test_the_model_has_the_ids_of_the_tokenizer(lab):
    experiment = tiny.make(lab / "data")
    ids = experiment.data.tokenizer.vocab_size
    assert 0 <= experiment.model.vocab_size - ids < 8 == 8 + experiment.model.vocab_size % 8
    with pytest.raises(UserError, match=rf"vocab_size: 200 is less than the {ids} ids of the"):
        tiny.make(lab / "data", "model.vocab_size=200")


def test_too_small_a_vocabulary_is_refused_before_the_sample_is_prepared(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert run("train", "--config=config:smoke", "--config=set:model.vocab_size=200") == 2
    assert capsys.readouterr().err.startswith("error: model.vocab_size: 200 is less than the 264")
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_bits_per_byte_are_those_of_the_text(lab):
    examples = data.TextData(directory=str(lab / "data"), seq_len=32).examples("test")
    batch = examples.read(np.arange(len(examples)))
    counted = storage.dataset.DataSet.open(lab / "data").info["splits"]["test"]
    assert batch["bytes"].sum() == counted["bytes"]
    assert batch["weights"].sum() == counted["tokens"] - 1


def test_a_run_needs_no_data_set(lab, tmp_path, capsys):
    copy = tmp_path / "run"
    shutil.copytree(lab / "run", copy)
    config = (copy / "config.json").read_text().replace(str(lab / "data"), str(tmp_path / "gone"))
    (copy / "config.json").write_text(config)
    words = ("generate", "--run-dir", copy, "--prompt", "def return", "--max-tokens", 30)
    assert run(*words, "--top-p", 0.9, "--min-p", 0.01) == 0
    text = capsys.readouterr().out
    assert text.startswith("def return") and len(text) > 30
    assert run("predict", "--run-dir", copy, "--source", *tiny_task.own_files(tmp_path)) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["bytes"] for row in rows] == [
        len((tmp_path / "own" / f"0{number}.txt").read_bytes()) for number in range(len(rows))
    ]


def test_a_stop_string_ends_the_text(lab, capsys):
    words = ("generate", "--run-dir", lab / "run", "--prompt", "def ", "--max-tokens", 40)
    assert run(*words) == 0
    whole = capsys.readouterr().out.rstrip("\n")
    stop = next(letter for letter in whole[6:] if letter.isascii() and letter != "\n")
    assert run(*words, "--stop", stop, "--stop", "never there") == 0
    assert capsys.readouterr().out.rstrip("\n") == whole[: whole.index(stop, 4)]


def test_another_tokenizer_is_refused(lab, tmp_path, capsys):
    shutil.copytree(lab / "text", tmp_path / "text")
    prepare(tmp_path)
    fields = tiny.directives(tmp_path / "data", "model.vocab_size=400")
    options = [f"--config={each}" for each in fields]
    words = ("train", "--run-dir", lab / "run", "--allow-config-change", *options)
    assert run(*words) == 2
    assert "run has tokenizer tokenizer.json" in capsys.readouterr().err
    other = data.TextData(directory=str(tmp_path / "data"), seq_len=32)
    fitted = other.fitted({**data.TextData(directory=str(lab / "data")).info()})
    with pytest.raises(UserError, match=r"prepared with tokenizer bytes, the run has tokenizer"):
        fitted.examples("test")


@pytest.mark.parametrize("before", ["bytes", "trained"])
def test_a_data_set_is_replaced_with_its_tokenizer(lab, tmp_path, before):
    shutil.copytree(lab / "text", tmp_path / "text")
    given = {"tokenizer": lab / "run"}
    prepare(tmp_path, **({} if before == "bytes" else given))
    told = prepare(tmp_path, **(given if before == "bytes" else {}))
    settings = data.TextData(directory=str(tmp_path / "data"))
    kept = tmp_path / "data" / "tokenizer"
    assert kept.exists() == (before == "bytes")
    assert f"tokenizer {settings.tokenizer.name}" in told
    assert (settings.tokenizer is BYTES) == (before != "bytes")
    assert texts(tmp_path / "data") == texts(lab / "data")


def test_start_and_end_of_their_own_stand_around_each_document(tmp_path):
    package = pytest.importorskip("tokenizers")
    words = {"<pad>": 0, "<s>": 1, "</s>": 2, "a": 3, "b": 4}
    made = package.Tokenizer(package.models.WordLevel(words, unk_token="b"))
    made.save(str(tmp_path / "tokenizer.json"))
    found = tokenization.keeping.read_tokenizer(tmp_path)
    window = np.array([[3, 2, 1, 4, 2, 1, 3, 0]], np.int32)
    batch = data.make_batch(window, found)
    assert batch["segments"].tolist() == [[1, 1, 2, 2, 2, 3, 3]]
    assert batch["weights"].tolist() == [[1, 0, 1, 1, 0, 1, 0]]
    assert batch["bytes"].tolist() == [[0, 0, 1, 0, 0, 1, 0]]


def test_what_a_tokenizer_does_not_keep_is_told(tmp_path):
    package = pytest.importorskip("tokenizers")
    tiny_task.write_corpus(tmp_path / "text")
    words = {"</s>": 0, "?": 1, **{word: 2 + at for at, word in enumerate(tiny_task.WORDS)}}
    made = package.Tokenizer(package.models.WordLevel(words, unk_token="?"))
    made.pre_tokenizer = package.pre_tokenizers.WhitespaceSplit()
    made.save(str(tmp_path / "own.json"))
    told = prepare(tmp_path, tokenizer=tmp_path / "own.json")
    assert "it does not keep all of the text: " in told
