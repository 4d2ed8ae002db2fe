"""What Tunix would do without a word, and that it does not happen here.

Each test shows both: what Tunix does by itself, so that a remedy goes when it is needed no longer,
and what the project makes of it.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from pydantic import ValidationError
from tunix.distillation.strategies.logit import LogitStrategy
from tunix.generate.tokenizer_adapter import TokenizerAdapter
from tunix.rl.common import compute_per_token_logps
from tunix.rl.ppo.ppo_learner import PPOLearner
from tunix.rl.rollout.base_rollout import CacheConfig, RolloutConfig
from tunix.rl.rollout.vanilla_rollout import VanillaRollout
from tunix.sft.dpo.dpo_trainer import process_dpo_record

from . import tiny_methods
from .project import model, numerics, objective, post_training, tokenization

TOKENIZER = tokenization.byte_tokenizer.TOKENIZER
ADAPTER = TokenizerAdapter(post_training.tokens.TunixTokenizer(TOKENIZER, TOKENIZER.end))
PROMPTS: Any = [
    np.array([TOKENIZER.start, *text], np.int32) for text in (b"ab>", b"abc>", b"x>", b"y>")
]
ROOM = MOST = 8
LIMITS = {"max_tokens_to_generate": MOST, "max_prompt_length": ROOM, "kv_cache_size": ROOM + MOST}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_methods.prepare(tmp_path_factory.mktemp("data"))


def policy():
    settings = model.TransformerSettings(
        vocab_size=264, d_model=32, num_layers=2, num_heads=2, d_ff=48
    )
    transformer = settings.build(rngs=nnx.Rngs(3), precision=numerics.precision.FLOAT32)
    return post_training.policy.Policy(transformer, TOKENIZER.reserved)


def config(**changes):
    """How to sample; a key may be used in one call only, since Tunix donates it."""
    return RolloutConfig(temperature=1.0, seed=jax.random.key(0), **LIMITS, **changes)


def stock_rollout():
    actor = policy()
    return VanillaRollout(actor, ADAPTER, CacheConfig(ROOM + MOST, **actor.config._asdict()))


def our_rollout():
    return post_training.rollout.SeededRollout(policy(), ADAPTER, None, config())


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one.tokens, other.tokens, strict=True))


def test_every_step_samples_with_noise_of_its_own():
    stock, ours = stock_rollout(), our_rollout()
    assert same(*(stock.generate(PROMPTS, config()) for _ in range(2)))
    made = {}
    for step, call in ((7, 0), (7, 1), (8, 0), (7, 2)):
        if call != 1:
            ours.begin(step)
        made[step, call] = ours.generate(PROMPTS, config())
    assert same(made[7, 0], made[7, 2])  # as a resumed run needs it
    assert not same(made[7, 0], made[7, 1])
    assert not same(made[7, 0], made[8, 0])


@pytest.mark.parametrize(("make", "ends"), [(stock_rollout, 0), (our_rollout, 1)])
def test_the_token_that_ends_a_completion_is_kept(monkeypatch, make, ends):
    prefer_the_end(monkeypatch)
    output = make().generate(PROMPTS * 4, config())
    short = [ids.tolist() for ids in output.tokens if len(ids) < MOST]
    assert len(short) > 8
    assert all(ids.count(TOKENIZER.end) == ends for ids in short)
    assert all(ids[-1] == TOKENIZER.end for ids in short if ends)


def prefer_the_end(monkeypatch):
    """Make the end about as likely as everything else together."""
    attend = model.Transformer.attend

    def biased(self, *arguments, **options):
        logits, cache = attend(self, *arguments, **options)
        bias = jnp.zeros(logits.shape[-1]).at[TOKENIZER.end].set(6.0)
        return logits + bias[None, None, :], cache

    monkeypatch.setattr(model.Transformer, "attend", biased)


def test_samples_are_drawn_at_the_temperature_of_the_loss(data, monkeypatch):
    """Tunix samples at 0.9 unless told otherwise, and computes old probabilities at 1."""
    told = []
    keep = lambda **given: told.append(given) or RolloutConfig(**given)  # noqa: E731
    monkeypatch.setattr(post_training.reinforcement, "RolloutConfig", keep)
    experiment = tiny_methods.make("grpo", data)
    with jax.set_mesh((program := tiny_methods.make_program(experiment)).mesh):
        program.compile_train_step({})._start(program.initial_state())
    assert RolloutConfig().temperature != 1.0
    assert [given["temperature"] for given in told] == [1.0]
    for temperature, fits in ((1.0, True), (0.7, False)):
        rollout = stock_rollout()
        how = dataclasses.replace(config(return_logprobs=True), temperature=temperature)
        output = rollout.generate(PROMPTS, how)
        full = [ids for ids in output.tokens if len(ids) == MOST]
        assert len(full) == len(PROMPTS)
        again = rollout.get_per_token_logps(
            jnp.asarray(output.left_padded_prompt_tokens), jnp.asarray(np.stack(full))
        )
        assert np.allclose(np.asarray(again), np.array(output.logprobs), atol=1e-3) == fits


class _Texts:
    """The tokenizer as Tunix would have it."""

    encode = staticmethod(lambda text: TOKENIZER.encode(text).tolist())
    decode = staticmethod(TOKENIZER.decode)
    bos_id, eos_id, pad_id = (
        staticmethod(lambda name=name: getattr(TOKENIZER, name)) for name in ("start", "end", "pad")
    )


def test_responses_of_preferences_end_and_do_not_begin(data):
    texts: Any = {"prompts": ["ab>"], "chosen_responses": ["ba"], "rejected_responses": ["bb"]}
    stock = process_dpo_record(texts, TokenizerAdapter(_Texts()), ROOM, MOST)
    real = np.asarray(stock.chosen_ids)[np.asarray(stock.chosen_mask) > 0]
    assert real.tolist() == [TOKENIZER.start, *b"ba"]
    settings = tiny_methods.make("dpo", data).data
    record = {"prompt": "ab>", "chosen": "ba", "rejected": "bb"}
    inputs = post_training.preference._inputs(settings.batch([record]))
    for name, text in (("chosen", b"ba"), ("rejected", b"bb")):
        ids, mask = getattr(inputs, f"{name}_ids"), getattr(inputs, f"{name}_mask")
        assert ids[mask > 0].tolist() == [*text, TOKENIZER.end]
    assert inputs.prompt_ids[inputs.prompt_mask > 0].tolist() == [TOKENIZER.start, *b"ab>"]


@pytest.mark.parametrize("method", ["sft", "dpo", "grpo"])
def test_every_evaluation_sees_all_of_its_data(data, tmp_path, method):
    """Tunix iterates over what it is given, which a generator survives once."""
    experiment = tiny_methods.make(method, data)
    program = tiny_methods.make_program(experiment, tmp_path)
    with jax.set_mesh(program.mesh):
        state = program.initial_state()
        told = [tiny_methods.evaluate(program, state, limit=2) for _ in range(2)]
    assert told[0] == told[1]
    assert all(np.isfinite(value) for value in told[0].values())


def test_gspo_takes_more_than_one_update_of_a_batch():
    """With one, all ratios are 1 and it would be GRPO."""
    rewards = objective.Rewards(names=("digits",))
    with pytest.raises(ValidationError, match="iterations"):
        post_training.methods.GroupSequence(rewards=rewards, iterations=1)


def test_gspo_is_not_grpo(data, tmp_path):
    weights = {}
    for method in ("grpo", "gspo"):
        experiment = tiny_methods.make(method, data, "method.iterations=2", "loop.steps=2")
        state = tiny_methods.train(experiment, tmp_path / method).state
        weights[method] = np.asarray(state.params["embedding"])
    assert not np.allclose(weights["grpo"], weights["gspo"], atol=1e-6)


def test_ppo_takes_fractions_for_rewards(data, tmp_path, monkeypatch):
    """Tunix adds rewards to integers, which cuts 0.5 down to 0."""
    experiment = tiny_methods.make("ppo", data, "method.kl_weight=0.0", "method.smoothing=1.0")
    monkeypatch.setitem(objective.REWARDS, "digits", lambda **_: 0.5)
    returns = {}
    for name, learner in (
        ("stock", PPOLearner),
        ("ours", post_training.reinforcement.FractionalPPOLearner),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(post_training.reinforcement, "FractionalPPOLearner", learner)
            returns[name] = _first_returns(experiment, patched)
    assert not np.any(returns["stock"])
    # Nothing is discounted and all values are 0, so the return of every token is the reward.
    last = returns["ours"][np.arange(len(returns["ours"])), 0]
    np.testing.assert_allclose(last, 0.5)


def _first_returns(experiment, patched):
    """What PPO computes of the first completions."""
    made = []
    learner = post_training.reinforcement.FractionalPPOLearner
    generate = learner._generate_and_compute_advantage

    def keep(*arguments, **options):
        example: Any = generate(*arguments, **options)
        made.append(np.asarray(example.returns * example.completion_mask))
        return example

    patched.setattr(learner, "_generate_and_compute_advantage", keep)
    program = tiny_methods.make_program(experiment)
    with jax.set_mesh(program.mesh):
        trainer = program.compile_train_step({})._start(program.initial_state())
        trainer.step(0, program.put(next(tiny_methods.batches(experiment))))
    return made[0]


def test_distillation_counts_responses_alone():
    """A teacher that disagrees about padding teaches nothing; Tunix counts prompts as well."""
    logits = jax.random.normal(jax.random.key(0), (2, 5, 11))
    counted = jnp.zeros((2, 5), bool).at[:, 2:4].set(True)
    tokens = jnp.ones((2, 5), jnp.int32)
    elsewhere = jnp.where(counted[..., None], logits, -logits)
    losses = post_training.distillation.distillation_losses
    kl, hard = losses(logits, elsewhere, tokens, counted, 1.0)
    np.testing.assert_allclose(kl, 0.0, atol=1e-6)
    assert hard > 0
    nothing: Any = lambda *_: None  # noqa: E731
    stock = LogitStrategy(nothing, nothing, nothing, temperature=1.0, alpha=1.0)
    labels = jax.nn.one_hot(tokens, 11) * counted[..., None]
    assert stock.compute_loss(logits, elsewhere, labels)[0] > 0.1


def test_a_batch_lies_on_all_devices(data):
    """Tunix looks for the mesh where `jax.set_mesh` alone does not put it."""
    experiment = tiny_methods.make("sft", data)
    program = tiny_methods.make_program(experiment, data=4)
    from tunix.sft.sharding_utils import shard_input

    batch: Any = {"tokens": np.zeros((8, 3), np.int32)}
    with jax.set_mesh(program.mesh):
        alone = shard_input(batch, ("data",))["tokens"]
        with post_training.mesh_context.tunix_mesh(program.mesh):
            spread = shard_input(batch, ("data",))["tokens"]
    assert isinstance(alone, np.ndarray)
    assert len(spread.sharding.device_set) == 4


def test_probabilities_of_a_padded_prompt_are_those_of_the_prompt():
    actor = policy()
    graphdef, state = nnx.split(actor)
    prompt = PROMPTS[1][None]
    behind = np.pad(prompt, ((0, 0), (3, 0)), constant_values=TOKENIZER.pad)
    completion = jnp.asarray(np.frombuffer(b"cba", np.uint8)[None].astype(np.int32))
    plain, padded = (
        compute_per_token_logps(
            graphdef,
            state,
            prompt_tokens=jnp.asarray(tokens),
            completion_tokens=completion,
            pad_id=TOKENIZER.pad,
            eos_id=TOKENIZER.end,
        )
        for tokens in (prompt, behind)
    )
    np.testing.assert_allclose(plain, padded, atol=1e-5)
