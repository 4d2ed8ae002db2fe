"""The model behind Tunix's interface is the model, and its samples are what it says they are."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from tunix.generate.sampler import CacheConfig, Sampler
from tunix.rl.common import compute_per_token_logps

from .project import completion, generation, model, numerics, parallel, post_training, tokenization

SETTINGS = model.TransformerSettings(vocab_size=264, d_model=32, num_layers=2, num_heads=2, d_ff=48)
TOKENIZER = tokenization.byte_tokenizer.TOKENIZER
PROMPTS: Any = [
    np.array([TOKENIZER.start, *text], np.int32) for text in (b"ab>", b"longer>", b"x>")
]
ROOM, MOST = 12, 10


def build(seed=3):
    transformer = SETTINGS.build(rngs=nnx.Rngs(seed), precision=numerics.precision.FLOAT32)
    return post_training.policy.Policy(transformer, TOKENIZER.reserved)


def sampler(policy):
    tokenizer = post_training.tokens.TunixTokenizer(TOKENIZER, TOKENIZER.end)
    return Sampler(policy, tokenizer, CacheConfig(ROOM + MOST, **policy.config._asdict()))


def sample(policy, **options):
    return sampler(policy)(
        PROMPTS, max_generation_steps=MOST, max_prompt_length=ROOM, pad_output=False, **options
    )


def padded(tokens):
    return np.array(
        [np.pad(ids, (0, MOST - len(ids)), constant_values=TOKENIZER.pad) for ids in tokens]
    )


def test_sampled_probabilities_are_those_of_training():
    """The cache, padding on the left and positions change nothing."""
    policy = build()
    output = sample(
        policy, temperature=1.0, top_p=1.0, seed=jax.random.key(1), return_logprobs=True
    )
    graphdef, state = nnx.split(policy)
    again = compute_per_token_logps(
        graphdef,
        state,
        prompt_tokens=jnp.asarray(output.padded_prompt_tokens),
        completion_tokens=jnp.asarray(padded(output.tokens)),
        pad_id=TOKENIZER.pad,
        eos_id=TOKENIZER.end,
    )
    logprobs: Any = output.logprobs
    for told, expected in zip(logprobs, np.asarray(again), strict=True):
        assert len(told) > 0
        np.testing.assert_allclose(told, expected[: len(told)], atol=1e-4)


def test_greedy_samples_are_the_completions_of_the_project():
    policy = build()
    output = sample(policy)
    prompts = output.padded_prompt_tokens
    made = completion.complete(
        policy.transformer,
        jnp.asarray(prompts),
        jnp.asarray(prompts != TOKENIZER.pad),
        max_tokens=MOST,
        end=TOKENIZER.end,
        pad=TOKENIZER.pad,
    )
    for ids, expected in zip(output.tokens, np.asarray(made), strict=True):
        np.testing.assert_array_equal(ids, expected[: len(ids)])


def test_padding_on_the_left_changes_no_completion():
    transformer = build().transformer
    prompt = jnp.asarray(TOKENIZER.encode("hello"))[None]
    room = jnp.full((1, 4), TOKENIZER.pad, prompt.dtype)
    sampling = generation.Sampling(max_tokens=8, temperature=0.0)
    plain = generation.generate(transformer, prompt, None, sampling)
    shifted = jnp.concatenate([room, prompt], axis=1)
    behind = generation.generate(transformer, shifted, None, sampling, starts=jnp.array([4]))
    np.testing.assert_array_equal(plain, behind)


def test_samples_need_a_key():
    sampling = generation.Sampling(max_tokens=2, temperature=1.0)
    with pytest.raises(ValueError, match="need a key"):
        generation.generate(build().transformer, jnp.zeros((1, 1), jnp.int32), None, sampling)


def test_reserved_tokens_are_never_sampled():
    policy = build()
    # Without the final norm's scale all logits are 0, so every id is as likely as the other.
    scale = policy.transformer.norm.scale
    scale[...] = jnp.zeros_like(scale[...])
    logits, _ = nnx.jit(lambda policy, *inputs: policy(*inputs))(
        policy, *(jnp.zeros((1, 1), jnp.int32),) * 2, None, jnp.ones((1, 1, 1), bool)
    )
    allowed = np.flatnonzero(np.asarray(logits[0, 0]) > -1e29)
    assert set(allowed) == set(range(SETTINGS.vocab_size)) - set(TOKENIZER.reserved)
    assert TOKENIZER.pad in TOKENIZER.reserved
    assert TOKENIZER.end not in TOKENIZER.reserved


def test_packed_sequences_are_refused():
    tokens = jnp.zeros((1, 4), jnp.int32)
    with pytest.raises(ValueError, match="packed"):
        build()(tokens, tokens)


def test_values_begin_at_zero_and_see_no_later_token():
    value = post_training.policy.ValueModel(build().transformer)
    tokens = jax.random.randint(jax.random.key(0), (2, 6), 0, 256)
    positions = jnp.broadcast_to(jnp.arange(6), (2, 6))
    mask = jnp.broadcast_to(jnp.tril(jnp.ones((6, 6), bool)), (2, 6, 6))
    assert not np.any(value(tokens, positions, attention_mask=mask))
    value.head[...] = jnp.ones_like(value.head[...])
    before = value(tokens, positions, attention_mask=mask)
    after = value(tokens.at[:, 4:].set(7), positions, attention_mask=mask)
    assert before.shape == (2, 6, 1)
    np.testing.assert_allclose(before[:, :4], after[:, :4], rtol=1e-5)
    assert np.any(before[:, 4:] != after[:, 4:])


@pytest.mark.parametrize(("fsdp", "axes"), [(False, {"model"}), (True, {"model", "data"})])
def test_parameters_tell_tunix_their_axes(fsdp, axes):
    policy = build()
    post_training.policy.name_mesh_axes(policy, parallel.mesh.MeshSettings(fsdp=fsdp))
    marks = [
        node.get_metadata().get("out_sharding") or ()
        for _, node in nnx.iter_graph(policy)
        if isinstance(node, nnx.Variable)
    ]
    assert {axis for mark in marks for axis in mark} - {None} == axes
