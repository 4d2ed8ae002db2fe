"""Each method through the training loop: metrics, files, what stays and what is told."""

import json
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from orbax.checkpoint import v1 as ocp
from pydantic import ValidationError

from . import tiny_methods
from .project import errors, model, objective, post_training, reporting, tokenization, training

PAD = tokenization.byte_tokenizer.TOKENIZER.pad

MEASURED = {
    "dpo": {"train/rewards_accuracy", "train/rewards_margin", "eval/reward_accuracy"},
    "orpo": {"train/odds_ratio", "eval/reward_accuracy"},
    "grpo": {"train/reward", "train/kl", "train/reward_digits", "eval/reward"},
    "gspo": {"train/reward", "train/kl", "train/completion_length", "eval/exact_match"},
    "ppo": {"train/reward", "train/kl", "train/critic_loss", "eval/reward_digits"},
    "distill": {"train/kl", "train/hard_loss", "eval/kl"},
}
ALWAYS = {"train/loss", "train/grad_norm", "train/learning_rate", "train/skipped"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_methods.prepare(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def teacher(data, tmp_path_factory):
    """A run that others start from."""
    folder = tmp_path_factory.mktemp("teacher") / "run"
    tiny_methods.train(tiny_methods.make("sft", data), folder)
    return folder


def changes_of(method, teacher):
    if method == "distill":
        sizes = ("d_model=32", "num_heads=2", "d_ff=64")
        return (f"method.teacher={teacher}", *(f"method.teacher_model.{size}" for size in sizes))
    return (f"start_from={teacher}",)


@pytest.mark.parametrize("method", tiny_methods.METHODS)
def test_every_method_trains(data, teacher, tmp_path, method):
    experiment = tiny_methods.make(method, data, *changes_of(method, teacher))
    outcome = tiny_methods.train(experiment, tmp_path / "run")
    rows = reporting.writers.read_metrics(tmp_path / "run" / "metrics.jsonl")
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert all(math.isfinite(value) for row in rows for value in row.values())
    assert all(row.keys() >= ALWAYS for row in rows)
    assert rows[-1].keys() >= MEASURED.get(method, {"eval/loss", "eval/exact_match"})
    assert outcome.step == int(outcome.state.step) == 4
    assert (tmp_path / "run" / "curves.png").exists()
    start = tiny_methods.make_program(experiment, tmp_path / "run").baseline()
    moved = jax.tree.map(
        lambda one, other: bool(np.any(np.asarray(one) != np.asarray(other))),
        outcome.state.params,
        start.params,
    )
    assert any(jax.tree.leaves(moved))


def test_lora_leaves_the_base_as_it_was(data, teacher, tmp_path):
    experiment = tiny_methods.make("sft_lora", data, f"start_from={teacher}")
    state = tiny_methods.train(experiment, tmp_path / "run").state
    begun = _weights(teacher)
    jax.tree.map(np.testing.assert_array_equal, state.variables["base"], begun)
    merged = _weights(tmp_path / "run")
    assert np.any(merged["blocks"]["attention"]["query"] != begun["blocks"]["attention"]["query"])
    np.testing.assert_array_equal(merged["embedding"], begun["embedding"])


def test_a_run_goes_on_from_merged_weights(data, teacher, tmp_path):
    lora = tiny_methods.make("sft_lora", data, f"start_from={teacher}")
    tiny_methods.train(lora, tmp_path / "lora")
    merged = _weights(tmp_path / "lora")
    experiment = tiny_methods.make("dpo", data, f"start_from={tmp_path / 'lora'}")
    program = tiny_methods.make_program(experiment)
    with jax.set_mesh(program.mesh):
        jax.tree.map(np.testing.assert_array_equal, program.initial_state().params, merged)


def _weights(run):
    """The weights of a run's newest checkpoint, as Orbax reads them; LoRA merged."""
    steps = [path for path in (run / "checkpoints").iterdir() if path.name.isdigit()]
    newest = max(steps, key=lambda path: int(path.name))
    state: Any = ocp.load_checkpointables(str(newest))["state"]
    weights = training.weights.union(state["params"], state["variables"])
    if "base" in weights:
        parts = (weights[name] for name in ("base", "factors", "scale"))
        weights = post_training.lora.merge_weights(*parts)
    return jax.device_get(weights)


def test_a_run_keeps_what_it_began_with(data, teacher, tmp_path):
    experiment = tiny_methods.make("dpo", data, f"start_from={teacher}")
    tiny_methods.train(experiment, tmp_path / "run")
    elsewhere = experiment.model_copy(update={"start_from": str(tmp_path / "nowhere")})
    program = tiny_methods.make_program(elsewhere, tmp_path / "run")
    with jax.set_mesh(program.mesh):
        jax.tree.map(
            np.testing.assert_array_equal, program.initial_state().params, _weights(teacher)
        )


def test_weights_of_another_model(data, teacher):
    experiment = tiny_methods.make("sft", data, f"start_from={teacher}", "model.d_ff=128")
    program = tiny_methods.make_program(experiment)
    with (
        jax.set_mesh(program.mesh),
        pytest.raises(errors.UserError, match=r"blocks\.feed_forward\.down is \(2, 64, 32\)"),
    ):
        program.initial_state()


def test_weights_that_are_not_there(data, tmp_path):
    experiment = tiny_methods.make("sft", data, f"start_from={tmp_path / 'nowhere'}")
    program = tiny_methods.make_program(experiment)
    with (
        jax.set_mesh(program.mesh),
        pytest.raises(errors.UserError, match=r"start_from: .*nowhere holds no checkpoint"),
    ):
        program.initial_state()


def test_the_reference_gives_its_own_rewards_no_margin(data, teacher, tmp_path):
    """Before the first step the policy is the reference."""
    experiment = tiny_methods.make("dpo", data, f"start_from={teacher}")
    program = tiny_methods.make_program(experiment, tmp_path / "run")
    with jax.set_mesh(program.mesh):
        state = program.initial_state()
        told = tiny_methods.evaluate(program, state, limit=1)
    assert told["reward_margin"] == pytest.approx(0.0, abs=1e-6)
    assert told["loss"] == pytest.approx(math.log(2), rel=1e-5)


def test_greedy_rewards_are_those_of_the_completions(data, tmp_path, monkeypatch):
    seen = []

    def reward(prompt, completion, answer):
        seen.append((prompt, completion, answer))
        return float(len(completion))

    monkeypatch.setitem(objective.REWARDS, "digits", reward)
    experiment = tiny_methods.make("grpo", data)
    program = tiny_methods.make_program(experiment, tmp_path / "run")
    with jax.set_mesh(program.mesh):
        state = program.initial_state()
        told = tiny_methods.evaluate(program, state, limit=None)
    count = len(experiment.data.examples("validation"))
    assert len(seen) == count
    assert all(answer == prompt.removesuffix(">")[::-1] for prompt, _, answer in seen)
    mean = sum(len(completion) for _, completion, _ in seen) / count
    assert told["reward"] == told["reward_digits"] == pytest.approx(mean)


class Longest:
    """A metric that is no mean of examples: the longest response."""

    def collect(self, outputs, batch):
        assert all(isinstance(array, jax.Array) for array in (*outputs.values(), *batch.values()))
        return {"response": outputs["response"], "prompt": batch["prompt"]}

    def compute(self, examples):
        lengths = (examples["response"] != PAD).sum(axis=1)
        assert len(np.unique(examples["prompt"], axis=0)) == len(lengths)
        return {"longest": float(lengths.max())}


def test_metrics_of_an_evaluation_count_with_rewards(data):
    experiment = tiny_methods.make("grpo", data)
    measured = experiment.evaluations["eval"].model_copy(update={"metrics": (Longest(),)})
    experiment = experiment.model_copy(update={"evaluations": {"eval": measured}})
    program = tiny_methods.make_program(experiment)
    with jax.set_mesh(program.mesh):
        told = tiny_methods.evaluate(program, program.initial_state(), limit=None)
    assert told["longest"] >= told["completion_length"] > 0


def test_a_reward_that_fails_ends_the_run(data, tmp_path, monkeypatch):
    def reward(prompt, completion, answer):
        raise KeyError("unit")

    monkeypatch.setitem(objective.REWARDS, "digits", reward)
    with pytest.raises(errors.UserError, match=r"the reward 'digits' of completion .* KeyError"):
        tiny_methods.train(tiny_methods.make("grpo", data), tmp_path / "run")


def test_gradients_that_explode_are_not_applied(data, tmp_path):
    limits = ("max_gradient_norm=1e-6", "max_consecutive_skips=2", "max_rollbacks=1")
    experiment = tiny_methods.make("sft", data, *(f"safety.{limit}" for limit in limits))
    with pytest.raises(errors.Diverged, match=r"the last 2 updates were skipped .* batches 3 to 4"):
        tiny_methods.train(experiment, tmp_path / "run")
    (record,) = json.loads(tiny_methods.run_in(tmp_path / "run").rollbacks.read_text())
    assert list(record["batches"]) == ["1", "2"]
    assert all(len(held) == experiment.data.batch_size for held in record["batches"].values())


@pytest.mark.parametrize("method", ["sft_lora", "orpo", "distill"])
def test_losses_that_stand_out_are_not_applied(data, teacher, tmp_path, method):
    """With weights that hardly move, which losses stand out follows from those that are told."""
    experiment = tiny_methods.make(
        method,
        data,
        "safety.spike_threshold=0.01",
        "safety.max_consecutive_skips=20",
        "optimizer.learning_rate=1e-9",
        *changes_of(method, teacher),
        "loop.steps=30",
        "loop.eval_every=30",
        "checkpoint.every=30",
    )
    outcome = tiny_methods.train(experiment, tmp_path / "run")
    rows = reporting.writers.read_metrics(tiny_methods.run_in(tmp_path / "run").metrics)
    losses, expected = [row["train/loss"] for row in rows], []
    for step in range(training.spikes.RECENT, len(rows)):
        recent = np.array(losses[step - training.spikes.RECENT : step])
        median = np.median(recent)
        deviation = max(1.4826 * np.median(abs(recent - median)), 0.01 * abs(median))
        expected.append(losses[step] > median + 0.01 * deviation)
    told = np.diff([row["train/spikes"] for row in rows])[training.spikes.RECENT - 1 :]
    assert told.tolist() == expected and 0 < sum(expected) < len(expected)
    assert int(outcome.state.skipped) == sum(expected)


def test_the_first_nan_is_told(data, tmp_path, monkeypatch):
    attend = model.Transformer.attend

    def broken(self, *arguments, **options):
        logits, cache = attend(self, *arguments, **options)
        return jnp.log(-jnp.abs(logits)), cache

    monkeypatch.setattr(model.Transformer, "attend", broken)
    experiment = tiny_methods.make("sft", data, "safety.debug_nans=True")
    with pytest.raises(errors.Diverged, match=r"step 1: .*nan.* encountered in log .*policy\.py:"):
        tiny_methods.train(experiment, tmp_path / "run")


def test_data_of_another_kind(data):
    experiment = tiny_methods.make("sft", data)
    fields = {name: getattr(experiment, name) for name in type(experiment).model_fields}
    fields["method"] = post_training.methods.DirectPreference()
    with pytest.raises(ValidationError, match="learns from preferences, not demonstrations"):
        type(experiment)(**fields)


@pytest.mark.parametrize(
    ("method", "change", "message"),
    [
        ("grpo", "loop.micro_batches=2", "leave it at 1, and lower data.batch_size"),
        ("grpo", "safety.spike_threshold=10.0", "safety.spike_threshold: losses of reinforcement"),
        ("sft", "model.vocab_size=200", "less than the 264 ids"),
    ],
)
def test_what_does_not_fit_together(data, method, change, message):
    with pytest.raises((errors.UserError, ValidationError), match=message):
        tiny_methods.make(method, data, change)


@pytest.mark.parametrize("method", ["sft", "sft_lora", "dpo", "orpo", "distill"])
def test_parts_of_a_batch_give_the_step_of_the_whole(data, teacher, method):
    """Each token, or each pair, counts as it does in the whole batch, however long others are."""
    exact = ("precision.param_dtype=float32", "precision.compute_dtype=float32")
    found = []
    for parts in (1, 4):
        changes = (*changes_of(method, teacher), *exact, f"loop.micro_batches={parts}")
        experiment = tiny_methods.make(method, data, *changes)
        program, batches = tiny_methods.make_program(experiment), tiny_methods.batches(experiment)
        with jax.set_mesh(program.mesh):
            state, step = program.initial_state(), program.compile_train_step({})
            batch, metrics = {}, {}
            for _ in range(3):  # in the first, whose rate is 0, the policy is the reference
                batch = program.put(next(batches))
                state, metrics = step(state, batch)
            found.append((jax.device_get(state.params), metrics))
    (whole, expected), (parted, told) = found
    assert {name: float(value) for name, value in told.items()} == pytest.approx(
        {name: float(value) for name, value in expected.items()}, rel=1e-4, abs=1e-6
    )
    if method in ("sft", "distill"):  # or a mean of means would do
        assert len(set(batch["response_mask"].reshape(2, 4, -1).sum(axis=(0, 2)).tolist())) > 1
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, atol=1e-4), whole, parted
    )


def test_several_processes_are_refused_where_completions_are_sampled(data, monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with pytest.raises(errors.UserError, match="in one process"):
        tiny_methods.make_program(tiny_methods.make("grpo", data))
