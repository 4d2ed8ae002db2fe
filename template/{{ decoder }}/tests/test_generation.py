"""Generation with cached keys and values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from .project import generation, model, numerics, tokenizer

SETTINGS = model.TransformerSettings(vocab_size=264, d_model=32, num_layers=2, num_heads=2, d_ff=48)
GREEDY = generation.Sampling(max_tokens=12, temperature=0.0)


def build():
    return SETTINGS.build(rngs=nnx.Rngs(3), precision=numerics.precision.FLOAT32)


def prompts():
    return jax.random.randint(jax.random.key(0), (2, 5), 0, 256)


@nnx.jit
def recompute(transformer, tokens):
    positions = jnp.broadcast_to(jnp.arange(tokens.shape[1]), tokens.shape)
    return transformer(tokens, jnp.ones_like(tokens), positions)


@nnx.jit
def extend(transformer, tokens, cache):
    return transformer.extend(tokens, cache)


def test_cached_logits_equal_recomputed_logits():
    transformer, tokens = build(), jax.random.randint(jax.random.key(1), (2, 12), 0, 256)
    expected = recompute(transformer, tokens)
    logits, cache = extend(transformer, tokens[:, :7], transformer.empty_cache(2, 12))
    np.testing.assert_allclose(logits, expected[:, :7], rtol=1e-4, atol=1e-5)
    for at in range(7, 12):
        logits, cache = extend(transformer, tokens[:, at : at + 1], cache)
        np.testing.assert_allclose(logits[:, 0], expected[:, at], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(cache.length, 12)


def test_greedy_generation_equals_full_recomputation():
    transformer, prompt = build(), prompts()
    made = generation.generate(transformer, prompt, jax.random.key(0), GREEDY)
    assert made.shape == (2, 12)
    logits = recompute(transformer, jnp.concatenate([prompt, made], axis=1))
    best = jnp.argmax(logits[:, prompt.shape[1] - 1 : -1], axis=-1)
    before_end = jnp.cumsum(made == tokenizer.DOCUMENT, axis=1) == 0
    np.testing.assert_array_equal(jnp.where(before_end, best, tokenizer.DOCUMENT), made)
    assert jnp.all(before_end.sum(axis=1) > 3)


def test_samples_follow_their_key():
    transformer, sampling = build(), generation.Sampling(max_tokens=16, temperature=1.0)
    key, other = jax.random.split(jax.random.key(7))
    first = generation.generate(transformer, prompts(), jax.random.clone(key), sampling)
    again = generation.generate(transformer, prompts(), key, sampling)
    different = generation.generate(transformer, prompts(), other, sampling)
    np.testing.assert_array_equal(first, again)
    assert jnp.any(first != different)


def test_top_one_is_greedy():
    transformer = build()
    sampling = generation.Sampling(max_tokens=12, temperature=5.0, top_k=1)
    made = generation.generate(transformer, prompts(), jax.random.key(0), sampling)
    greedy = generation.generate(transformer, prompts(), jax.random.key(1), GREEDY)
    np.testing.assert_array_equal(made, greedy)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({}, {0, 1, 2, 3}),
        ({"top_p": 0.5}, {0}),
        ({"top_p": 0.81}, {0, 1, 2}),
        ({"min_p": 0.29}, {0, 1, 2}),
        ({"min_p": 1.0}, {0}),
        ({"top_k": 2, "top_p": 0.7}, {0, 1}),  # which have 5/8 and 3/8 of what is left
        ({"temperature": 0.5, "min_p": 0.29}, {0, 1}),
    ],
)
def test_only_likely_tokens_are_drawn(options, kept):
    logits = jnp.log(jnp.tile(jnp.array([0.15, 0.5, 0.05, 0.3])[None], (600, 1)))
    sampling = generation.Sampling(**{"temperature": 1.0, **options})
    drawn = generation._pick(logits, jax.random.key(0), jnp.int32(0), sampling)
    best = [1, 3, 0, 2]
    assert set(drawn.tolist()) == {best[at] for at in kept}


def test_who_watches_sees_each_token_and_may_end_a_sequence():
    transformer, seen = build(), []

    def watch(tokens):
        seen.append(np.array(tokens))
        return np.array([len(seen) == 3, False])

    plain = generation.generate(transformer, prompts(), None, GREEDY)
    made = generation.generate(transformer, prompts(), None, GREEDY, watch=watch)
    np.testing.assert_array_equal(made[1], plain[1])
    np.testing.assert_array_equal(made[0, :3], plain[0, :3])
    assert (made[0, 3:] == tokenizer.DOCUMENT).all()
    np.testing.assert_array_equal(np.stack(seen, axis=1), made[:, : len(seen)])


def test_nothing_follows_the_end_of_a_document():
    transformer = build()
    # Without the final norm's scale all logits are 0, so every id is as likely as the other; of
    # 200 sequences of 64 tokens some end early.
    transformer.norm.scale[...] = jnp.zeros_like(transformer.norm.scale[...])
    sampling = generation.Sampling(max_tokens=64, temperature=1.0)
    prompt = jnp.zeros((200, 1), jnp.int32)
    made = np.asarray(generation.generate(transformer, prompt, jax.random.key(2), sampling))
    ended = [row for row in made if tokenizer.DOCUMENT in row[:-1]]
    assert ended
    for row in ended:
        first = np.flatnonzero(row == tokenizer.DOCUMENT)[0]
        assert (row[first:] == tokenizer.DOCUMENT).all()
