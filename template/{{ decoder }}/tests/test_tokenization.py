"""Tokenizers: bytes, and files such as lie beside published models."""

import io
import json
import shutil
import sys

import numpy as np
import pytest

from .project import errors, tokenization

UserError = errors.UserError
read_tokenizer = tokenization.keeping.read_tokenizer
BYTES = tokenization.byte_tokenizer.TOKENIZER
TEXT = "The lamp of the ship, größer λ."
LINES = [TEXT, "A lamp is on the ship.", "the ship, the lamp and the sea: größer than λ"] * 20
SCRIPTS = "naïve λ\r\n\x00 😀 你好世界\n\tdef f(x):  return नमस्ते العربية  "


def check(made, text=TEXT):
    """What holds for every tokenizer."""
    assert isinstance(made, tokenization.tokenizer.Tokenizer)
    ids = made.encode(text)
    assert ids.dtype == np.int32 and ids.ndim == 1
    special = {made.start, made.end, *made.reserved}
    assert special.isdisjoint(ids.tolist())
    assert made.decode(ids) == text
    beyond = [made.start, *ids, made.end, made.pad, made.vocab_size + 7]
    assert made.decode(np.array(beyond, np.int32)) == text
    assert made.encode("").shape == (0,) and made.encode("").dtype == np.int32
    assert made.decode(np.array([], np.int32)) == ""
    assert [list(each) for each in made.encode_batch([text, ""])] == [list(ids), []]
    assert made.pad in made.reserved and made.end not in made.reserved
    assert made.pad not in (made.start, made.end)
    assert max(special) < made.vocab_size
    assert made.sizes.shape == (made.vocab_size,)
    assert made.sizes[ids].sum() - made.added == len(text.encode())
    assert not made.sizes[sorted(special)].any()


# Bytes


def test_bytes():
    check(BYTES, SCRIPTS)
    assert (BYTES.name, BYTES.vocab_size) == ("bytes", 264)
    assert (BYTES.start, BYTES.end, BYTES.pad) == (256, 256, 257)
    assert BYTES.reserved == tuple(range(257, 264))


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
    made = read_tokenizer(path)
    check(made)
    assert (made.pad, made.end, made.start) == (0, 1, 2)
    assert made.reserved == (0, 2, 3)
    assert made.added == 1  # the space before the first word
    assert read_tokenizer(path) is made  # read once
    assert made.name.startswith("tokenizer.model ")


def test_a_sentencepiece_model_that_falls_back_to_bytes(tmp_path):
    path = write_sentencepiece(
        tmp_path / "own.model",
        byte_fallback=True,
        vocab_size=330,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
    )
    made = read_tokenizer(path)
    check(made, SCRIPTS.replace("\x00", ""))
    assert made.pad == 0  # nothing is unknown to it


def test_without_start_and_padding(tmp_path):
    made = read_tokenizer(write_sentencepiece(tmp_path / "own.model", bos_id=-1))
    check(made)
    assert made.start == made.end
    assert made.pad == made.vocab_size - 1  # beyond all that it has


def test_a_sentencepiece_model_without_an_end(tmp_path):
    path = write_sentencepiece(tmp_path / "own.model", eos_id=-1)
    with pytest.raises(UserError, match=r"own.model has no end token: .*--eos_id"):
        read_tokenizer(path)


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
    made = read_tokenizer(write_huggingface(tmp_path / "tokenizer.json"))
    check(made, SCRIPTS)  # neither cut nor padded nor begun, though the file asks for it
    assert (made.pad, made.start, made.end) == (0, 1, 2)
    assert made.reserved == (0, 1)
    assert read_tokenizer(tmp_path).name == made.name
    assert made.name.startswith("tokenizer.json ")


def test_words_and_byte_fallback_have_their_sizes(tmp_path):
    package = pytest.importorskip("tokenizers")
    parts = ["\u2581", "a", "\u2581a", "b", "\u2581lamp", "ü"]
    specials = {"<unk>": 0, "<s>": 1, "</s>": 2}
    known = {f"<0x{byte:02X}>": 3 + byte for byte in range(256)}
    vocabulary = {**specials, **known, **{part: 259 + at for at, part in enumerate(parts)}}
    model = package.models.BPE(
        vocabulary, [("\u2581", "a")], unk_token="<unk>", byte_fallback=True, fuse_unk=True
    )
    made = package.Tokenizer(model)
    made.add_special_tokens(list(specials))
    made.normalizer = package.normalizers.Sequence(
        [package.normalizers.Prepend("\u2581"), package.normalizers.Replace(" ", "\u2581")]
    )
    decoders = package.decoders
    made.decoder = decoders.Sequence(
        [
            decoders.Replace("\u2581", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    made.save(str(tmp_path / "tokenizer.json"))
    found = read_tokenizer(tmp_path)
    check(found, "a ü λ b")
    assert found.added == 1 and found.pad == 0
    assert found.sizes[259:].tolist() == [1, 1, 2, 1, 5, 2]


def test_a_special_token_that_is_spelled_out_is_that_token(tmp_path):
    special = ("<pad>", "<s>", "</s>", "<user>")
    made = read_tokenizer(write_huggingface(tmp_path / "t.json", special))
    assert made.encode("<user>lamp")[0] == 3
    assert made.decode(made.encode("<user>lamp")) == "lamp"
    assert made.sizes[3] == 0


def test_files_beside_it_name_the_tokens(tmp_path):
    special = ("</s>", "<stop>", "<go>", "<void>")
    write_huggingface(
        tmp_path / "tokenizer.json",
        special,
        tokenizer_config={"eos_token": "<stop>", "bos_token": {"content": "<go>"}, "x": 1},
        special_tokens_map={"eos_token": "</s>", "pad_token": {"content": "<void>"}},
    )
    made = read_tokenizer(tmp_path)
    assert (made.end, made.start, made.pad) == (1, 2, 3)


@pytest.mark.parametrize(
    ("special", "beside", "found"),  # start, end, pad; None for one beyond all others
    [
        (("<pad>", "<|im_end|>", "<|endoftext|>"), {}, (1, 1, 0)),
        (("[PAD]", "[UNK]", "<|endoftext|>"), {}, (2, 2, 0)),
        (("</s>",), {}, (0, 0, None)),
        (("</s>",), {"tokenizer_config": {"pad_token": "</s>"}}, (0, 0, None)),
        (("</s>", "<s>"), {"tokenizer_config": {"pad_token": "<s>"}}, (1, 0, None)),
        (("</s>", "<s>", "<|reserved_7|>"), {}, (1, 0, 2)),
    ],
)
def test_special_tokens_that_no_file_names(tmp_path, special, beside, found):
    made = read_tokenizer(write_huggingface(tmp_path / "t.json", special, **beside))
    check(made)
    start, end, pad = found
    pad = made.vocab_size - 1 if pad is None else pad
    assert (made.start, made.end, made.pad) == (start, end, pad)


def test_ids_between_those_that_are_used_are_reserved(tmp_path):
    package = pytest.importorskip("tokenizers")
    words = {"<pad>": 0, "</s>": 1, "lamp": 2, "ship": 7}
    path = tmp_path / "tokenizer.json"
    package.Tokenizer(package.models.WordLevel(words, unk_token="lamp")).save(str(path))
    made = read_tokenizer(tmp_path)
    assert made.vocab_size == 8
    assert made.reserved == (0, 3, 4, 5, 6)


@pytest.mark.parametrize(
    ("special", "beside", "message"),
    [
        (("<pad>",), {}, r'has no end token: name .*"eos_token".*tokenizer_config.json'),
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
        read_tokenizer(path)
    assert "\n" not in str(caught.value)


# Where they are kept


def test_a_folder_keeps_its_tokenizer(tmp_path):
    made = read_tokenizer(write_huggingface(tmp_path / "own.json", tokenizer_config={"x": 1}))
    for name in ("data", "run"):
        (tmp_path / name).mkdir()
        tokenization.keeping.keep_tokenizer(made, tmp_path / name)
    kept = tmp_path / "run" / "tokenizer"
    assert {path.name for path in kept.iterdir()} == {"tokenizer.json", "tokenizer_config.json"}
    info = {**tokenization.tokenizer.describe(made), "folder": str(tmp_path / "run")}
    found = tokenization.keeping.tokenizer_of(info)
    assert (found.name, found.digest) == (made.name, made.digest)
    assert tokenization.keeping.tokenizer_of({"tokenizer": "bytes"}) is BYTES
    write_huggingface(kept / "tokenizer.json", ("<pad>", "<s>", "</s>", "<new>"))
    with pytest.raises(UserError, match=rf"run holds tokenizer.json .*, not its own {made.name}"):
        tokenization.keeping.tokenizer_of(info)
    shutil.rmtree(kept)
    with pytest.raises(UserError, match="run holds no tokenizer"):
        tokenization.keeping.tokenizer_of(info)


def test_the_digest_covers_the_special_tokens(tmp_path):
    path = write_huggingface(tmp_path / "tokenizer.json")
    before = read_tokenizer(path)
    (tmp_path / "copy").mkdir()
    shutil.copy(path, tmp_path / "copy")
    assert read_tokenizer(tmp_path / "copy").digest == before.digest
    beside = tmp_path / "copy" / "tokenizer_config.json"
    beside.write_text(json.dumps({"eos_token": "<s>", "bos_token": "<s>"}))
    tokenization.keeping._load.cache_clear()
    assert read_tokenizer(tmp_path / "copy").digest != before.digest


# Files that are none


@pytest.mark.parametrize("name", ["notes.json", "notes.model"])
def test_a_file_that_is_no_tokenizer(tmp_path, name):
    pytest.importorskip("sentencepiece" if name.endswith("model") else "tokenizers")
    with pytest.raises(UserError, match=r"gone holds no tokenizer: no tokenizer.json and no tok"):
        read_tokenizer(tmp_path / "gone")
    (tmp_path / name).write_text("{}")
    with pytest.raises(UserError, match=rf"{name} is no (model|tokenizer) of") as caught:
        read_tokenizer(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_sentencepiece_is_installed_on_demand(tmp_path, monkeypatch):
    (tmp_path / "own.model").write_text("")
    monkeypatch.setitem(sys.modules, "sentencepiece", None)
    with pytest.raises(UserError, match="run `uv add sentencepiece`"):
        read_tokenizer(tmp_path / "own.model")
