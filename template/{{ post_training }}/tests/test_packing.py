"""Packed demonstrations: the same tokens, the same loss, each example by itself."""

import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from . import tiny_methods
from .batching import equal, evaluate, take, train
from .project import (
    data,
    errors,
    model,
    numerics,
    objective,
    parallel,
    post_training,
    reporting,
    sources,
)

WIDTHS = {"max_prompt_tokens": 24, "max_response_tokens": 16}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """Examples of many lengths; of some responses, tokens in the middle do not count."""
    folder = tmp_path_factory.mktemp("examples")
    records = [
        {"prompt": f"{n} " + "p" * (n % 17), "response": "r" * (n % 12) + str(n)}
        for n in range(150)
    ]
    (folder / "a.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in records))
    source = sources.from_patterns([str(folder / "a.jsonl")])
    made = data.Demonstrations(directory=str(folder / "data"), **WIDTHS)
    made.prepare(source, overwrite=False, progress=False)
    return folder / "data"


def settings(directory, **changes):
    fields = {**WIDTHS, "batch_size": 4, "pack": True, **changes}
    return data.Demonstrations(directory=str(directory), **fields)


def build():
    sizes = model.TransformerSettings(
        vocab_size=264, d_model=32, num_layers=2, num_heads=2, d_ff=48
    )
    return sizes.build(rngs=nnx.Rngs(3), precision=numerics.precision.FLOAT32)


def totals(batches):
    """Sums of the objective's means over batches, and what they count."""
    transformer, found = build(), {}
    step = nnx.jit(lambda model, batch: objective.NextToken()(model, batch))
    for batch in batches:
        for name, mean in step(transformer, jax.tree.map(jnp.asarray, batch)).items():
            found[name] = found.get(name, 0) + np.array([mean.total, mean.weight])
    return found


def test_an_epoch_holds_each_example_once_and_costs_the_same(directory):
    made = settings(directory, batch_size=1)
    rows, alone = made.training_examples(), made.examples("train")
    assert len(rows) < len(alone) / 1.6
    packed = take(train(made), len(rows))
    one, other = totals(packed), totals(evaluate(settings(directory, batch_size=8), "train"))
    assert set(one) == {"loss", "accuracy"} and set(other) == {*one, "exact_match"}
    for name, expected in ((name, other[name]) for name in one):
        np.testing.assert_allclose(one[name], expected, rtol=1e-5)
    found = sorted(
        batch["tokens"][0][batch["segments"][0] == segment].tolist()
        for batch in packed
        for segment in set(batch["segments"][0].tolist()) - {0}
    )
    batch = alone.read(np.arange(len(alone)))
    there = [
        np.concatenate([prompt[real], response[counted]]).tolist()
        for prompt, real, response, counted in zip(
            *(batch[name] for name in ("prompt", "prompt_mask", "response", "response_mask")),
            strict=True,
        )
    ]
    assert found == sorted(there)


def test_what_does_not_count_between_turns_is_seen():
    talk = {"prompt": [1, 2, 3], "response": [4, 5, 6, 7], "response_mask": [1, 0, 0, 1]}
    records = (talk, {"prompt": "a", "response": "b"})
    made = data.Demonstrations(max_prompt_tokens=6, max_response_tokens=6)

    class Two:
        def __len__(self):
            return 2

        def read(self, numbers, draws=None):
            return made.batch([records[n] for n in numbers])

    rows = post_training.packing.PackedExamples(Two(), 12)
    batch = rows.read(np.array([0, -1]))
    assert len(rows) == 1 and batch["weights"].tolist() == [1, 0]
    assert np.bincount(batch["segments"][0])[1:].tolist() in ([7, 4], [4, 7])
    longer = batch["positions"][0].tolist().index(6) - 6
    assert batch["tokens"][0][longer : longer + 7].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert batch["response_mask"][0][longer : longer + 7].tolist() == [0, 0, 0, 1, 0, 0, 1]
    assert not any(batch[name][1].any() for name in batch)


def test_batches_are_the_same_each_time_and_go_on_where_they_stood(directory):
    iterator = train(settings(directory))
    first = take(iterator, 3)
    position, rest = iterator.get_state(), take(iterator, 9)
    again = train(settings(directory))
    again.set_state(position)
    assert all(map(equal, rest, take(again, 9)))
    shares = [train(settings(directory), process=n, processes=2) for n in range(2)]
    for batch in first:
        parts = [next(share) for share in shares]
        for name in ("tokens", "positions", "response_mask"):
            joined = np.stack([part[name] for part in parts], axis=1).reshape(batch[name].shape)
            np.testing.assert_array_equal(joined, batch[name])


class Asked:
    """A model as Tunix asks it, which never gives reserved tokens, in the place of one."""

    def __init__(self, transformer, reserved):
        self.policy = post_training.policy.Policy(transformer, reserved)

    def attend(self, tokens, mask, positions, *, key=None):
        return self.policy(tokens, positions, None, mask[:, 0])


@pytest.mark.parametrize("parts", [1, 2])
def test_tunix_trains_on_packed_rows(tmp_path, parts):
    """Its loss is the objective's; held-out examples stay as they are."""
    changes = ("data.pack=True", "data.max_prompt_tokens=24", f"loop.micro_batches={parts}")
    changes += ("precision.param_dtype=float32", "precision.compute_dtype=float32")
    experiment = tiny_methods.make("sft", tiny_methods.prepare(tmp_path), *changes)
    assert tiny_methods.train(experiment, tmp_path / "run").step == 4
    rows = reporting.writers.read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert "eval/exact_match" in rows[-1]
    program, batch = tiny_methods.make_program(experiment), next(tiny_methods.batches(experiment))
    assert batch["segments"].max() > 2 * len(batch["weights"])
    with jax.set_mesh(program.mesh):
        asked = Asked(program.model(program.initial_state()), experiment.tokenizer.reserved)
        means = objective.NextToken()(asked, parallel.rules.put_batch(batch, program.batch))
    assert math.isclose(rows[0]["train/loss"], float(means["loss"]), rel_tol=1e-4)


def test_distillation_takes_one_example_a_row(tmp_path):
    with pytest.raises(errors.UserError, match=r"data.pack: a teacher looks at one example a row"):
        tiny_methods.make("distill", {"demonstrations": tmp_path}, "data.pack=True")
