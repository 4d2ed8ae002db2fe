"""Reinforcement learning on conversations: what is asked, where responses end, what is rewarded."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from . import tiny_methods
from .chats import CHATML, write_tokenizer
from .project import data, model, objective, post_training, reporting, sources

ROOM = ("data.max_prompt_tokens=64", "model.vocab_size=300", "loop.steps=2", "checkpoint.every=2")


@pytest.fixture(scope="module")
def chats(tmp_path_factory):
    """A data set of conversations with right answers."""
    folder = write_tokenizer(tmp_path_factory.mktemp("chats"), CHATML)
    rows = [
        {"prompt": [{"role": "user", "content": f"{n} + 1?"}], "answer": n + 1} for n in range(40)
    ]
    (folder / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = sources.from_patterns([str(folder / "own.jsonl")])
    made = data.Prompts(
        directory=str(folder / "set"), max_prompt_tokens=64, tokenizer_from=str(folder)
    )
    made.prepare(source, overwrite=False, progress=False)
    return {"prompts": folder / "set"}


@pytest.fixture
def rewarded(monkeypatch):
    """The prompts, completions and answers that were rewarded."""
    seen = []

    def reward(prompt, completion, answer):
        seen.append((prompt, completion, answer))
        return float(len(completion))

    monkeypatch.setitem(objective.REWARDS, "digits", reward)
    return seen


@pytest.fixture
def bias(monkeypatch):
    """Makes tokens likelier, whatever stands before them."""
    attend = model.Transformer.attend

    def make(token):
        def louder(self, *arguments, **options):
            logits, cache = attend(self, *arguments, **options)
            change = jnp.zeros(logits.shape[-1]).at[token].set(1e4)
            return logits + change[None, None, :], cache

        monkeypatch.setattr(model.Transformer, "attend", louder)
        jax.clear_caches()  # or what was compiled for the model before would be used again

    yield make
    jax.clear_caches()


@pytest.mark.parametrize("method", ["grpo", "ppo"])
def test_conversations_are_trained_on(chats, tmp_path, rewarded, method):
    experiment = tiny_methods.make(method, chats, *ROOM)
    tiny_methods.train(experiment, tmp_path / "run")
    assert rewarded
    for prompt, _, answer in rewarded:
        question = f"{int(answer) - 1} + 1?"
        assert prompt == (f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n")


def test_what_is_sampled_from_are_the_tokens_of_the_prompt(chats, monkeypatch):
    seen = []
    engine = post_training.rollout.VanillaRollout
    generate = engine.generate

    def keep(self, *arguments, **options):
        seen.append(generate(self, *arguments, **options))
        return seen[-1]

    monkeypatch.setattr(engine, "generate", keep)
    batch = step(tiny_methods.make("grpo", chats, *ROOM))
    asked = np.repeat(batch["prompt"], 8, axis=0)
    np.testing.assert_array_equal(seen[0].left_padded_prompt_tokens, asked)


def test_a_response_ends_with_the_turn_and_may_be_empty(chats, tmp_path, rewarded, bias):
    experiment = tiny_methods.make("grpo", chats, *ROOM)
    assert experiment.data.end != experiment.tokenizer.end
    bias(experiment.data.end)
    tiny_methods.train(experiment, tmp_path / "run")
    assert {completion for _, completion, _ in rewarded} == {""}
    rows = reporting.writers.read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert [row["train/completion_length"] for row in rows] == [1.0, 1.0]
    assert rows[-1]["eval/completion_length"] == 1.0


def test_the_end_of_a_text_does_not_end_a_turn(chats, tmp_path, rewarded, bias):
    experiment = tiny_methods.make("grpo", chats, *ROOM)
    bias(experiment.tokenizer.end)
    tiny_methods.train(experiment, tmp_path / "run")
    rows = reporting.writers.read_metrics(tmp_path / "run" / "metrics.jsonl")
    most = experiment.data.max_response_tokens
    assert [row["train/completion_length"] for row in rows] == [most, most]


def test_tokens_that_the_tokenizer_lacks_are_never_sampled(chats, tmp_path, rewarded, bias):
    experiment = tiny_methods.make("grpo", chats, *ROOM)
    bias(jnp.arange(experiment.tokenizer.vocab_size, 300))
    step(experiment)
    assert any(completion for _, completion, _ in rewarded)


def step(experiment):
    """Make the first step; the batch that it is made of."""
    program = tiny_methods.make_program(experiment)
    batch = next(tiny_methods.batches(experiment))
    with jax.set_mesh(program.mesh):
        placed = program.put(batch)
        program.compile_train_step(placed)(program.initial_state(), placed)
    return batch
