"""Batches: what is in them, and that nothing is lost."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
import tokenizers
from flax import nnx

from .batching import equal, evaluate, take, train
from .project import (
    data,
    errors,
    model,
    numerics,
    post_training,
    samples,
    sources,
    storage,
    tokenization,
)
from .project import tokenizer as tokens

UserError = errors.UserError
DOCUMENT, PAD = tokens.DOCUMENT, tokens.PAD
KINDS = {
    "demonstrations": data.Demonstrations,
    "preferences": data.Preferences,
    "prompts": data.Prompts,
}


def record(kind, number):
    """An example with texts of many lengths."""
    prompt, right = f"{number} größer " + "λ" * (number % 7), "r" * (1 + number % 13) + str(number)
    if kind == "demonstrations":
        return {"prompt": prompt, "response": right}
    if kind == "preferences":
        return {"prompt": prompt, "chosen": right, "rejected": f"not {number}"}
    return {"prompt": prompt, "answer": right} | ({"level": number} if number % 2 else {})


@pytest.fixture(scope="module")
def directories(tmp_path_factory):
    """A data set of 120 examples of each kind, made once."""
    folder = tmp_path_factory.mktemp("examples")
    for kind, cls in KINDS.items():
        path = folder / f"{kind}.jsonl"
        path.write_text("".join(json.dumps(record(kind, n)) + "\n" for n in range(120)))
        settings = cls(directory=str(folder / kind), max_prompt_tokens=32, max_response_tokens=20)
        settings.prepare(sources.from_patterns([str(path)]), overwrite=False, progress=False)
    return folder


def settings(directories, kind, **changes):
    fields = {"max_prompt_tokens": 32, "max_response_tokens": 20, "batch_size": 8, **changes}
    return KINDS[kind](directory=str(directories / kind), **fields)


def texts(made, batches, name):
    """The texts of all rows that count."""
    return [
        made.tokenizer.decode(ids) for batch in batches for ids in batch[name][batch["weights"] > 0]
    ]


# Examples

ARRAYS = {
    "demonstrations": ["prompt", "response"],
    "preferences": ["prompt", "chosen", "rejected"],
    "prompts": ["prompt", "response"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_and_types(directories, kind):
    batch = next(train(settings(directories, kind)))
    expected = {"weights": ((8,), "float32")}
    for name in ARRAYS[kind]:
        shape = (8, 32 if name == "prompt" else 20)
        expected |= {name: (shape, "int32"), f"{name}_mask": (shape, "bool")}
    strings = [name for name, array in batch.items() if array.dtype.kind == "U"]
    assert strings == (["text", "answer", "level"] if kind == "prompts" else [])
    assert all(batch.pop(name).shape == (8,) for name in strings)
    assert {name: (a.shape, str(a.dtype)) for name, a in batch.items()} == expected
    assert all(array.flags.c_contiguous for array in batch.values())


def test_tokens_are_counted():
    fields = {"batch_size": 8, "max_prompt_tokens": 32, "max_response_tokens": 20}
    assert data.Demonstrations(**fields).tokens_per_batch == 8 * 52
    assert data.Preferences(**fields).tokens_per_batch == 2 * 8 * 52
    assert not hasattr(data.Prompts(**fields), "tokens_per_batch")


def test_prompts_end_where_responses_begin():
    made = data.Demonstrations(max_prompt_tokens=6, max_response_tokens=4)
    records = [
        {"prompt": "abc", "response": "xyz"},
        {"prompt": "abcde", "response": "x"},
        {"prompt": "", "response": ""},
    ]
    batch = made.batch(records)
    assert batch["prompt"].tolist() == [
        [PAD, PAD, DOCUMENT, 97, 98, 99],
        [DOCUMENT, 97, 98, 99, 100, 101],
        [PAD] * 6,
    ]
    assert batch["response"].tolist() == [
        [120, 121, 122, DOCUMENT],
        [120, DOCUMENT, PAD, PAD],
        [PAD] * 4,
    ]
    assert batch["prompt_mask"].tolist() == (batch["prompt"] != PAD).tolist()
    assert batch["response_mask"].tolist() == (batch["response"] != PAD).tolist()
    assert batch["weights"].tolist() == [1, 1, 0]


def test_both_responses_of_a_preference_share_the_prompt():
    made = data.Preferences(max_prompt_tokens=2, max_response_tokens=3)
    batch = made.batch([{"prompt": "p", "chosen": "ab", "rejected": "c"}])
    assert batch["prompt"].tolist() == [[DOCUMENT, 112]]
    assert batch["chosen"].tolist() == [[97, 98, DOCUMENT]]
    assert batch["rejected"].tolist() == [[99, DOCUMENT, PAD]]
    assert batch["chosen_mask"].tolist() == [[True, True, True]]
    assert batch["rejected_mask"].tolist() == [[True, True, False]]


def test_prompts_bring_their_texts(directories):
    made = settings(directories, "prompts")
    batches = evaluate(made, "train")
    given = {each["prompt"]: each for each in (record("prompts", n) for n in range(120))}
    for batch in batches:
        for at in range(8):
            found = {name: str(batch[name][at]) for name in ("text", "answer", "level")}
            if not batch["weights"][at]:
                assert set(found.values()) == {""}
                continue
            known = given[found["text"]]
            assert found["answer"] == known["answer"]
            assert found["level"] == str(known.get("level", ""))
            assert made.tokenizer.decode(batch["prompt"][at]) == found["text"]
            assert made.tokenizer.decode(batch["response"][at]) == found["answer"]


def test_both_turns_of_a_conversation_are_as_likely_as_each_alone():
    settings = model.TransformerSettings(
        vocab_size=264, d_model=32, num_layers=2, num_heads=2, d_ff=48
    )
    transformer = settings.build(rngs=nnx.Rngs(3), precision=numerics.precision.FLOAT32)
    made = data.Demonstrations(max_prompt_tokens=8, max_response_tokens=6)

    def likelihood(prompt, response, mask):
        record = {"prompt": prompt, "response": response, "response_mask": mask}
        batch = {name: jnp.asarray(array) for name, array in made.batch([record]).items()}
        return post_training.layout.sequence_log_probs(transformer, batch, "response").item()

    whole = likelihood([1, 2, 3], [4, 5, 6, 7, 8], [1, 1, 0, 0, 1])
    first = likelihood([1, 2, 3], [4, 5], [1, 1])
    last = likelihood([1, 2, 3, 4, 5, 6, 7], [8], [1])
    assert whole == pytest.approx(first + last, rel=1e-5)


# Training batches


@pytest.mark.parametrize("kind", KINDS)
def test_an_epoch_holds_each_example_once_and_epochs_differ(directories, kind):
    made = settings(directories, kind, batch_size=1)
    size = len(made.examples("train"))
    iterator = train(made)
    epochs = [take(iterator, size) for _ in range(2)]
    first, second = (texts(made, epoch, "prompt") for epoch in epochs)
    assert len(set(first)) == size
    assert sorted(first) == sorted(second) and first != second


# Evaluation batches


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("split", storage.splitting.SPLITS)
def test_evaluation_covers_the_split_once(directories, split, processes):
    made = settings(directories, "demonstrations", batch_size=6)
    shares = [
        evaluate(made, split, process=process, processes=processes) for process in range(processes)
    ]
    assert len({len(share) for share in shares}) == 1
    found = [text for share in shares for text in texts(made, share, "prompt")]
    source = storage.dataset.DataSet.open(directories / "demonstrations").source(split)
    there = [json.loads(source[at])["prompt"] for at in range(len(source))]
    assert sorted(found) == sorted(there)
    weights = np.concatenate([batch["weights"] for share in shares for batch in share])
    assert np.sum(weights == 0) == -len(there) % 6


@pytest.mark.parametrize("kind", KINDS)
def test_padding_is_empty_wherever_it_stands(directories, kind):
    examples = settings(directories, kind).examples("test")
    batch = examples.read(np.array([-1, 3, -1]))
    alone = examples.read(np.array([3]))
    assert batch["weights"].tolist() == [0, 1, 0]
    assert all(np.array_equal(batch[name][1:2], alone[name]) for name in alone)
    nothing = examples.read(np.array([-1, -1]))
    for name, array in batch.items():
        blank = PAD if array.dtype == np.int32 else "" if array.dtype.kind == "U" else 0
        assert (array[[0, 2]] == blank).all() and (nothing[name] == blank).all()


def test_batches_are_the_same_each_time(directories):
    made = settings(directories, "preferences")
    one, other = take(train(made), 30), take(train(made), 30)
    assert all(map(equal, one, other))


# Samples


@pytest.mark.parametrize("cls", KINDS.values())
def test_the_sample_is_the_one_that_the_settings_name(tmp_path, monkeypatch, cls):
    monkeypatch.setitem(samples.SAMPLES, "copy", lambda count: samples.copy(100))
    made = cls(directory=str(tmp_path / "d"), sample="copy")
    assert "sample copy" in made.prepare_sample(progress=False)
    batch = next(train(made))
    answers = texts(made, [batch], "chosen" if cls is data.Preferences else "response")
    prompts = texts(made, [batch], "prompt")
    assert [prompt[:-1] for prompt in prompts] == answers


def test_a_sample_that_there_is_not():
    with pytest.raises(ValueError, match="no sample 'poems', only reverse, copy, docstrings"):
        data.Prompts(sample="poems")


# Mistakes


def test_lengths_that_do_not_suffice_are_reported(directories):
    with pytest.raises(UserError, match=r"max_prompt_tokens 9 is too small: the longest prompt"):
        train(settings(directories, "demonstrations", max_prompt_tokens=9))
    with pytest.raises(UserError, match=r"max_response_tokens 9 .* response of .* has 17 tokens"):
        train(settings(directories, "preferences", max_response_tokens=9))
    train(settings(directories, "preferences", max_response_tokens=17))


def test_another_tokenizer_is_reported(directories, tmp_path):
    words = tokenizers.models.WordLevel({"</s>": 0, "lamp": 1}, unk_token="lamp")
    tokenizers.Tokenizer(words).save(str(tmp_path / "tokenizer.json"))
    other = tokenization.keeping.published_info(tmp_path)
    with pytest.raises(UserError, match=r"prepared with tokenizer bytes, the run .*--overwrite"):
        train(settings(directories, "prompts").fitted(other))


def test_examples_of_another_kind_are_reported(directories):
    fields = {"max_prompt_tokens": 32, "max_response_tokens": 20}
    made = data.Preferences(directory=str(directories / "prompts"), **fields)
    with pytest.raises(UserError, match="prompts holds no preferences but prompts"):
        made.examples("train")
