"""Tokenizers: bytes, and files such as lie beside published checkpoints."""

import io
import json
import sys

import numpy as np
import pytest

from .project import errors, tokenizer, vocabulary

UserError = errors.UserError
TEXT = "The lamp of the ship, größer λ."
LINES = [TEXT, "A lamp is on the ship.", "the ship, the lamp and the sea: größer than λ"] * 20


PACKAGES = {"sentencepiece": "sentencepiece", "huggingface": "tokenizers"}


def settings(kind="bytes", path=None):
    return vocabulary.VocabularySettings(kind=kind, path=None if path is None else str(path))


def check(made, text=TEXT):
    """What holds for every tokenizer."""
    assert isinstance(made, vocabulary.Tokenizer)
    ids = made.encode(text)
    assert ids.dtype == np.int32 and ids.ndim == 1
    special = {made.start, made.end, *made.reserved}
    assert special.isdisjoint(ids.tolist())
    assert made.decode(ids) == text
    beyond = [made.start, *ids, made.end, made.pad, made.vocab_size + 7]
    assert made.decode(np.array(beyond, np.int32)) == text
    assert made.encode("").shape == (0,) and made.encode("").dtype == np.int32
    assert made.decode(np.array([], np.int32)) == ""
    assert made.pad in made.reserved and made.end not in made.reserved
    assert made.pad not in (made.start, made.end)
    assert max(special) < made.vocab_size


# Bytes


def test_bytes_are_those_of_a_language_model():
    made = settings().tokenizer
    check(made, TEXT + "\r\n\x00 😀")
    theirs = tokenizer.TOKENIZER
    assert (made.name, made.vocab_size) == (theirs.name, theirs.vocab_size)
    assert np.array_equal(made.encode(TEXT), theirs.encode(TEXT))
    assert made.start == made.end == tokenizer.DOCUMENT and made.pad == tokenizer.PAD
    assert made.reserved == tuple(range(257, 264))


def test_bytes_need_no_path(tmp_path):
    with pytest.raises(UserError, match=r"vocabulary.path belongs to another vocabulary.kind"):
        _ = settings("bytes", tmp_path).tokenizer


# SentencePiece


def write_sentencepiece(path, **options):
    package = pytest.importorskip("sentencepiece")
    model = io.BytesIO()
    package.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES),
        model_writer=model,
        **{"vocab_size": 70, "hard_vocab_limit": False, "minloglevel": 2, **options},
    )
    path.write_bytes(model.getvalue())
    return path


def test_a_sentencepiece_model(tmp_path):
    path = write_sentencepiece(tmp_path / "own.model", pad_id=0, eos_id=1, bos_id=2, unk_id=3)
    made = settings("sentencepiece", path).tokenizer
    check(made)
    assert (made.pad, made.end, made.start) == (0, 1, 2)
    assert made.reserved == (0, 2, 3)
    assert settings("sentencepiece", path).tokenizer is made  # read once
    assert made.name.startswith("own.model ")


def test_the_name_tells_files_apart_but_not_places(tmp_path):
    (tmp_path / "other").mkdir()
    path = write_sentencepiece(tmp_path / "own.model", pad_id=3)
    copy = tmp_path / "other" / "own.model"
    copy.write_bytes(path.read_bytes())
    name = settings("sentencepiece", path).tokenizer.name
    assert settings("sentencepiece", copy).tokenizer.name == name
    (tmp_path / "third").mkdir()
    third = write_sentencepiece(tmp_path / "third" / "own.model", pad_id=4)
    assert settings("sentencepiece", third).tokenizer.name != name


def test_without_a_start_the_end_starts(tmp_path):
    path = write_sentencepiece(tmp_path / "own.model", pad_id=3, bos_id=-1)
    made = settings("sentencepiece", path).tokenizer
    check(made)
    assert made.start == made.end


@pytest.mark.parametrize(
    ("options", "missing"), [({}, "pad"), ({"pad_id": 3, "eos_id": -1}, "end")]
)
def test_a_sentencepiece_model_without_a_token(tmp_path, options, missing):
    path = write_sentencepiece(tmp_path / "own.model", **options)
    with pytest.raises(UserError, match=rf"own.model has no {missing} token: .*--{missing[0]}"):
        _ = settings("sentencepiece", path).tokenizer


# tokenizer.json


def write_huggingface(path, special=("<pad>", "<s>", "</s>"), **beside):
    package = pytest.importorskip("tokenizers")
    made = package.Tokenizer(package.models.BPE())
    made.pre_tokenizer = package.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = package.decoders.ByteLevel()
    trainer = package.trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=list(special),
        initial_alphabet=package.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(LINES, trainer)
    if "<s>" in special:
        made.post_processor = package.processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", special.index("<s>"))]
        )
    made.enable_truncation(4)
    made.enable_padding(length=9)
    made.save(str(path))
    for name, content in beside.items():
        (path.parent / f"{name}.json").write_text(json.dumps(content))
    return path


def test_a_tokenizer_json(tmp_path):
    path = write_huggingface(tmp_path / "tokenizer.json")
    made = settings("huggingface", path).tokenizer
    check(made)  # neither cut nor padded nor begun, though the file asks for it
    assert (made.pad, made.start, made.end) == (0, 1, 2)
    assert made.reserved == (0, 1)
    folder = settings("huggingface", tmp_path).tokenizer
    assert folder.name == made.name and folder.name.startswith("tokenizer.json ")


def test_a_special_token_that_is_spelled_out_is_that_token(tmp_path):
    special = ("<pad>", "<s>", "</s>", "<user>")
    made = settings("huggingface", write_huggingface(tmp_path / "t.json", special)).tokenizer
    assert made.encode("<user>lamp")[0] == 3
    assert made.decode(made.encode("<user>lamp")) == "lamp"


def test_files_beside_it_name_the_tokens(tmp_path):
    special = ("</s>", "<stop>", "<go>", "<void>")
    write_huggingface(
        tmp_path / "tokenizer.json",
        special,
        tokenizer_config={"eos_token": "<stop>", "bos_token": {"content": "<go>"}, "x": 1},
        special_tokens_map={"eos_token": "</s>", "pad_token": {"content": "<void>"}},
    )
    made = settings("huggingface", tmp_path).tokenizer
    assert (made.end, made.start, made.pad) == (1, 2, 3)


@pytest.mark.parametrize(
    ("special", "end"),
    [(("<pad>", "<|im_end|>", "<|endoftext|>"), 1), (("[PAD]", "[UNK]", "<|endoftext|>"), 2)],
)
def test_usual_names_are_known(tmp_path, special, end):
    made = settings("huggingface", write_huggingface(tmp_path / "t.json", special)).tokenizer
    check(made)
    assert (made.pad, made.end, made.start) == (0, end, end)


def test_ids_between_those_that_are_used_are_reserved(tmp_path):
    package = pytest.importorskip("tokenizers")
    words = {"<pad>": 0, "</s>": 1, "lamp": 2, "ship": 7}
    package.Tokenizer(package.models.WordLevel(words, unk_token="lamp")).save(
        str(tmp_path / "tokenizer.json")
    )
    made = settings("huggingface", tmp_path).tokenizer
    assert made.vocab_size == 8
    assert made.reserved == (0, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("special", "beside", "message"),
    [
        (("<pad>",), {}, r'has no end token: name .*"eos_token".*tokenizer_config.json'),
        (("</s>",), {}, r'has no pad token: name .*"pad_token".*tokenizer_config.json'),
        (
            ("</s>",),
            {"tokenizer_config": {"pad_token": "</s>"}},
            r'the pad token of .* is its end token as well: name .*"pad_token"',
        ),
        (
            ("</s>", "<s>"),
            {"tokenizer_config": {"pad_token": "<s>"}},
            r"the pad token of .* is its start token as well",
        ),
        (
            ("</s>", "<pad>"),
            {"special_tokens_map": {"eos_token": "<gone>"}},
            r"special_tokens_map.json: the vocabulary lacks '<gone>', its eos_token",
        ),
        (
            ("</s>", "<pad>"),
            {"tokenizer_config": []},
            r"tokenizer_config.json holds no JSON object",
        ),
    ],
)
def test_special_tokens_that_do_not_do(tmp_path, special, beside, message):
    path = write_huggingface(tmp_path / "tokenizer.json", special, **beside)
    with pytest.raises(UserError, match=message) as caught:
        _ = settings("huggingface", path).tokenizer
    assert "\n" not in str(caught.value)


# Files that are none


@pytest.mark.parametrize("kind", PACKAGES)
def test_a_file_that_is_no_tokenizer(tmp_path, kind):
    pytest.importorskip(PACKAGES[kind])
    with pytest.raises(UserError, match=rf"vocabulary.kind {kind} needs vocabulary.path"):
        _ = settings(kind).tokenizer
    with pytest.raises(UserError, match=r"gone cannot be read: No such file"):
        _ = settings(kind, tmp_path / "gone").tokenizer
    (tmp_path / "notes").write_text("{}")
    with pytest.raises(UserError, match=r"notes is no (model|tokenizer) of") as caught:
        _ = settings(kind, tmp_path / "notes").tokenizer
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", PACKAGES)
def test_a_package_that_is_not_installed(tmp_path, monkeypatch, kind):
    monkeypatch.setitem(sys.modules, PACKAGES[kind], None)
    with pytest.raises(UserError, match=f"run `uv add {PACKAGES[kind]}`"):
        _ = settings(kind, tmp_path / "own").tokenizer
