"""The transformer: shapes, what sees what, and switches that must not change results."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from .project import model, numerics

FLOAT32 = numerics.precision.FLOAT32
BFLOAT16 = numerics.precision.Precision()
SETTINGS = model.TransformerSettings(
    vocab_size=264, d_model=32, num_layers=3, num_heads=2, d_ff=48, unroll_layers=True
)
BATCH, SEQ_LEN = 2, 16


def build(precision=FLOAT32, **changes):
    settings = SETTINGS.model_copy(update=changes)
    return settings.build(rngs=nnx.Rngs(0), precision=precision)


def inputs(seed=0):
    tokens = jax.random.randint(jax.random.key(seed), (BATCH, SEQ_LEN), 0, 256)
    segments = jnp.ones_like(tokens)
    positions = jnp.broadcast_to(jnp.arange(SEQ_LEN), tokens.shape)
    return tokens, segments, positions


@nnx.jit
def run(transformer, tokens, segments, positions, key=None):
    return transformer(tokens, segments, positions, key=key)


def logits_and_gradients(transformer, key=None):
    graphdef, params = nnx.split(transformer)

    def total(params):
        logits = nnx.merge(graphdef, params)(*inputs(), key=key)
        return jnp.mean(jnp.square(logits)), logits

    gradients, logits = jax.jit(jax.grad(total, has_aux=True))(params)
    return logits, jax.tree.leaves(gradients)


@pytest.mark.parametrize("tied", [True, False])
def test_shapes_and_dtypes(tied):
    transformer = build(BFLOAT16, tied_embeddings=tied)
    logits = run(transformer, *inputs())
    assert logits.shape == (BATCH, SEQ_LEN, 264)
    assert logits.dtype == jnp.float32
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(nnx.state(transformer, nnx.Param))}
    assert dtypes == {jnp.dtype("bfloat16")}
    assert hasattr(transformer, "unembedding") != tied


def test_wrong_shape_is_refused_at_trace_time():
    tokens, segments, positions = inputs()
    with pytest.raises(Exception, match="Type-check error"):
        jax.eval_shape(build(), tokens, segments[:, :-1], positions)


def test_a_later_token_never_changes_an_earlier_logit():
    transformer = build()
    tokens, segments, positions = inputs()
    before = run(transformer, tokens, segments, positions)
    for at in (1, 7, SEQ_LEN - 1):
        changed = run(transformer, tokens.at[:, at].add(1), segments, positions)
        np.testing.assert_array_equal(changed[:, :at], before[:, :at])
        assert jnp.any(changed[:, at] != before[:, at])


def test_documents_in_a_window_do_not_see_each_other():
    transformer = build()
    tokens, _, _ = inputs()
    half = SEQ_LEN // 2
    segments = jnp.repeat(jnp.array([[1, 2]]), half, axis=1).repeat(BATCH, axis=0)
    positions = jnp.broadcast_to(jnp.arange(SEQ_LEN) % half, tokens.shape)
    packed = run(transformer, tokens, segments, positions)
    alone = run(transformer, tokens[:, half:], segments[:, half:], positions[:, half:])
    np.testing.assert_allclose(packed[:, half:], alone, rtol=1e-4, atol=1e-5)


def test_scanned_layers_equal_unrolled_layers():
    scanned, unrolled = (build(unroll_layers=unroll) for unroll in (False, True))
    for one, other in zip(*map(logits_and_gradients, (scanned, unrolled)), strict=True):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), one, other
        )


@pytest.mark.parametrize("remat", ["dots", "full"])
def test_rematerialisation_changes_nothing(remat):
    plain, saving = build(), build(remat=remat)
    for one, other in zip(*map(logits_and_gradients, (plain, saving)), strict=True):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), one, other
        )


def test_dropout_follows_its_key():
    transformer = build(dropout=0.5)
    key, other = jax.random.split(jax.random.key(1))
    keys = (jax.random.clone(key), key, other)
    first, again, different = (run(transformer, *inputs(), key=each) for each in keys)
    np.testing.assert_array_equal(first, again)
    assert jnp.any(first != different)
    np.testing.assert_array_equal(run(transformer, *inputs()), run(build(), *inputs()))


def test_bfloat16_stays_close_to_float32():
    exact, rounded = build(), build(BFLOAT16)
    difference = jnp.abs(run(exact, *inputs()) - run(rounded, *inputs()))
    assert 0 < float(jnp.max(difference)) < 0.25


def test_vectorised_model_equals_a_loop():
    graphdef, params = nnx.split(build())
    stacked = [jnp.stack(arrays) for arrays in zip(inputs(0), inputs(1), strict=True)]

    def apply(tokens, segments, positions):
        return nnx.merge(graphdef, params)(tokens, segments, positions)

    mapped = jax.jit(jax.vmap(apply))(*stacked)
    for number in range(2):
        alone = jax.jit(apply)(*(array[number] for array in stacked))
        np.testing.assert_allclose(mapped[number], alone, rtol=1e-4, atol=1e-5)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="num_heads: 5 heads do not divide d_model=32"):
        model.TransformerSettings(d_model=32, num_heads=5)
