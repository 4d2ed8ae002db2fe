"""Prompts from files, and the rows that tell a model's responses."""

import json

import jax
import numpy as np
import pytest
from flax import nnx

from . import tiny
from .chats import CHATML, TALK, write_tokenizer
from .project import (
    data,
    errors,
    model,
    numerics,
    parallel,
    post_training,
    prediction,
    tokenization,
    training,
)

UserError = errors.UserError
Result = training.prediction.Result


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(name, *, cls=data.Demonstrations, targets=False, **changes):
    settings = cls(max_prompt_tokens=8, max_response_tokens=6, batch_size=2, **changes)
    return list(prediction.ResponsePrediction().read(settings, [name], targets=targets))


def write(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def rows(chunks, answers):
    """The rows of an output, had the model given these answers, in the order of the files."""
    made = prediction.ResponsePrediction(max_response_tokens=6)
    filled = data.Demonstrations(max_response_tokens=6).batch(
        [{"prompt": "p", "response": answer} for answer in answers]
    )["response"]
    return list(
        made.records(
            Result(named, batch, {"response": filled[[row["number"] for row in named]]})
            for batch, named in chunks
        )
    )


def test_a_text_file_has_a_prompt_on_each_line(folder):
    (folder / "a.txt").write_bytes("one\r\n\n zwü\nthree".encode())
    chunks = read("a.txt")
    assert [chunk.rows for chunk in chunks] == [
        [{"number": 1, "prompt": " zwü"}, {"number": 2, "prompt": "three"}],
        [{"number": 0, "prompt": "one"}],
    ]
    assert [chunk.batch["weights"].tolist() for chunk in chunks] == [[1, 1], [1, 0]]
    assert all(set(chunk.batch) == {"prompt", "prompt_mask", "weights"} for chunk in chunks)
    assert rows(chunks, ["1", "2", ""]) == [
        {"prompt": "one", "response": "1"},
        {"prompt": " zwü", "response": "2"},
        {"prompt": "three", "response": ""},
    ]


@pytest.mark.parametrize(
    ("cls", "field"),
    [(data.Demonstrations, "response"), (data.Preferences, "chosen"), (data.Prompts, "answer")],
)
def test_a_right_response_is_compared_with(folder, cls, field):
    write(folder / "a.jsonl", {"prompt": "a", field: "x "}, {"prompt": "b"}, {"prompt": "c"})
    write(folder / "b.jsonl", {"prompt": "d", field: "x"})
    told = rows(read("*.jsonl", cls=cls), ["x", "x", "x", "y"])
    assert [row["correct"] for row in told] == [True, None, None, False]
    assert [row["expected"] for row in told] == ["x ", None, None, "x"]
    assert all(list(row) == ["prompt", "response", "expected", "correct"] for row in told)


def test_answers_of_prompts_may_be_numbers(folder):
    write(folder / "a.jsonl", {"prompt": "1 + 1", "answer": 2, "response": "no matter"})
    (row,) = rows(read("a.jsonl", cls=data.Prompts), ["2"])
    assert row == {"prompt": "1 + 1", "response": "2", "expected": "2", "correct": True}


def test_with_targets_a_batch_is_one_of_training(folder):
    records = [{"prompt": str(n), "answer": "a"} for n in range(3)]
    write(folder / "a.jsonl", *records[:2], records[2] | {"level": 4})
    chunks = read("a.jsonl", cls=data.Prompts, targets=True)
    assert chunks[1].batch["level"].tolist() == ["4", ""]
    assert chunks[0].batch["text"].tolist() == ["0", "1"]
    made = data.Prompts(max_prompt_tokens=8, max_response_tokens=6)
    expected = made.batch([record | {"level": ""} for record in records[:2]])
    assert all(np.array_equal(chunks[0].batch[name], expected[name]) for name in expected)


def test_conversations_are_answered(folder):
    """What stands before the assistant's last message, which is compared with."""
    write_tokenizer(folder, CHATML)
    rows = [{"messages": TALK}, {"messages": TALK[:2]}, {"prompt": TALK[:4], "response": TALK[4:]}]
    write(folder / "a.jsonl", *rows, {"prompt": "plain"})
    made, tokenizer = chat_data(folder), tokenization.keeping.read_tokenizer(folder)
    chat = post_training.chat.Chat(tokenizer)
    chunks = list(prediction.ResponsePrediction().read(made, ["a.jsonl"], targets=False))
    texts = [chat.render(TALK[:count], prompt=True)[0] for count in (4, 2, 4)]
    told = sorted((row for chunk in chunks for row in chunk.rows), key=lambda row: row["number"])
    assert [row["prompt"] for row in told] == [*texts, "plain"]
    assert [row["expected"] for row in told] == ["8 <b>", None, "8 <b>", None]
    for batch, named in chunks[:1]:
        for ids, row in zip(batch["prompt"], named, strict=True):
            assert tokenizer.spell(ids[ids != tokenizer.pad]) == row["prompt"]


def test_conversations_are_evaluated_as_they_are_trained_on(folder):
    write_tokenizer(folder, CHATML)
    write(folder / "a.jsonl", {"messages": TALK}, {"prompt": "p", "response": "r"})
    made = chat_data(folder)
    ((batch, _),) = prediction.ResponsePrediction().read(made, ["a.jsonl"], targets=True)
    counted = batch["response"][0][batch["response_mask"][0]]
    assert made.tokenizer.spell(counted) == "7 λ<|im_end|>\n8 <b><|im_end|>\n"
    assert batch["response_mask"][1].sum() == 2


def test_a_response_ends_with_the_turn(folder):
    tokenizer = tokenization.keeping.read_tokenizer(write_tokenizer(folder, CHATML))
    info = {**tokenization.tokenizer.describe(tokenizer), "folder": str(folder)}
    made = prediction.ResponsePrediction()
    assert made.fitted(info).end == tokenizer.end
    assert made.fitted({**info, "end": 7}).end == 7


def chat_data(folder):
    """Data settings with the tokenizer of a chat model."""
    info = tokenization.keeping.published_info(folder)
    return data.Demonstrations(max_prompt_tokens=128, max_response_tokens=128, batch_size=2).fitted(
        info
    )


def test_prompts_are_answered_by_length_and_told_in_order(folder):
    """It is compiled for few widths, which change no text."""
    counts = [3, 30, 1, 7, 12, 2, 5, 14, 6, 31, 4, 20, 9]
    prompts = [letter * count for letter, count in zip("abcdefghijklm", counts, strict=True)]
    (folder / "a.txt").write_text("\n".join(prompts))
    made = data.Demonstrations(max_prompt_tokens=32, batch_size=2)
    answers = prediction.ResponsePrediction(max_response_tokens=6)
    chunks = list(answers.read(made, ["a.txt"], targets=False))
    sizes = [chunk.batch["prompt_mask"].sum(axis=1).max() for chunk in chunks]
    widths = [chunk.batch["prompt"].shape[1] for chunk in chunks]
    assert sizes == [32, 21, 13, 8, 6, 4, 2]
    assert widths == [32, 32, 16, 8, 8, 4, 4]

    settings = model.TransformerSettings(
        vocab_size=264, d_model=32, num_layers=2, num_heads=2, d_ff=48
    )
    built = settings.build(rngs=nnx.Rngs(3), precision=numerics.precision.FLOAT32)
    traced = []

    @jax.jit
    def ask(inputs):
        traced.append(inputs["prompt"].shape)
        return answers(built, inputs)

    sharding = parallel.rules.batch_sharding(tiny.make_mesh())
    names = answers.input_specs(made)
    told = list(answers.records(training.evaluation.predictions(ask, names, chunks, sharding)))
    assert traced == [(2, 32), (2, 16), (2, 8), (2, 4)]
    assert [row["prompt"] for row in told] == prompts
    widest = ask(
        {name: made.prompts([{"prompt": each} for each in prompts])[name] for name in names}
    )
    expected = [made.tokenizer.decode(ids) for ids in np.asarray(widest["response"])]
    assert [row["response"] for row in told] == expected
    assert len(set(expected)) > 6


def test_input_specs_are_those_of_batches(folder):
    write(folder / "a.jsonl", {"prompt": "p" * 7})
    ((batch, _),) = read("a.jsonl")
    settings = data.Demonstrations(max_prompt_tokens=8)
    for name, spec in prediction.ResponsePrediction().input_specs(settings).items():
        assert batch[name].shape[1:] == spec.shape and batch[name].dtype == spec.dtype


def test_mistakes_are_reported(folder):
    (folder / "a.txt").write_bytes(b"x" * 8 + b"\nshort\n\xff\n")
    with pytest.raises(UserError) as caught:
        read("a.txt")
    told = str(caught.value).splitlines()
    assert told[0].startswith("a.txt:1: the prompt has 9 tokens, more than data.max_prompt_tokens")
    assert told[0].endswith("the model was made for no more")
    assert told[1].startswith("a.txt:3: not UTF-8")
    with pytest.raises(UserError, match=r"a.txt holds prompts alone: give .jsonl .* with response"):
        read("a.txt", targets=True)
    write(folder / "b.jsonl", {"prompt": "p", "answer": "a"})
    with pytest.raises(UserError, match=r"b.jsonl:1: no response among its fields"):
        read("b.jsonl", targets=True)
    (folder / "c.txt").write_text("\n \n")
    with pytest.raises(UserError, match=r"--source c.txt: the files hold no prompt"):
        read("c.txt")
