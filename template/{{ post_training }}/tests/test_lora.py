"""Low-rank adaptation: nothing at first, the merged model always, and a base that stays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from .project import model, numerics, post_training, training

lora = post_training.lora
PLAIN = model.TransformerSettings(vocab_size=264, d_model=32, num_layers=2, num_heads=2, d_ff=48)
SETTINGS = lora.LoraSettings(base=PLAIN, rank=4)
FLOAT32 = numerics.precision.FLOAT32


def build(settings=SETTINGS, precision=FLOAT32):
    return settings.build(rngs=nnx.Rngs(0), precision=precision)


def moved(adapted):
    """The model with factors of random numbers."""
    leaves, structure = jax.tree.flatten(nnx.state(adapted, nnx.LoRAParam))
    keys = jax.random.split(jax.random.key(5), len(leaves))
    drawn = [
        0.1 * jax.random.normal(key, leaf.shape) for key, leaf in zip(keys, leaves, strict=True)
    ]
    nnx.update(adapted, jax.tree.unflatten(structure, drawn))
    return adapted


def logits(any_model):
    tokens = jax.random.randint(jax.random.key(1), (2, 6), 0, 256)
    positions = jnp.broadcast_to(jnp.arange(6), (2, 6))
    return any_model(tokens, jnp.ones_like(tokens), positions)


def test_the_difference_begins_at_nothing():
    adapted = build()
    np.testing.assert_array_equal(logits(adapted), logits(adapted.base))


def test_only_the_factors_are_parameters():
    adapted = build()
    names = {path[0] for path, _ in nnx.to_flat_state(nnx.state(adapted, nnx.Param))}
    assert names == {"factors"}
    assert {type(leaf) for _, leaf in nnx.to_flat_state(nnx.state(adapted, nnx.Param))} == {
        nnx.LoRAParam
    }


def test_the_merged_weights_are_the_base_and_the_products():
    adapted = moved(build())
    base = nnx.to_pure_dict(nnx.state(adapted.base))["blocks"]
    merged = adapted.merged_weights()["blocks"]
    factors = nnx.to_pure_dict(nnx.state(adapted.factors))["blocks"]
    for part, name, product in (
        ("attention", "query", "ldr,lrhk->ldhk"),
        ("attention", "out", "lhkr,lrd->lhkd"),
        ("feed_forward", "down", "lfr,lrd->lfd"),
    ):
        pair = factors[part][name]
        expected = base[part][name] + 4.0 * jnp.einsum(product, pair["into"], pair["out_of"])
        np.testing.assert_allclose(merged[part][name], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(
        merged["attention_norm"]["scale"], base["attention_norm"]["scale"]
    )


def test_the_model_is_used_like_its_merged_weights():
    adapted = moved(build())
    merged = PLAIN.build(rngs=nnx.Rngs(9), precision=FLOAT32)
    state = nnx.state(merged)
    nnx.replace_by_pure_dict(state, adapted.merged_weights())
    nnx.update(merged, state)
    np.testing.assert_allclose(logits(adapted), logits(merged), rtol=1e-5, atol=1e-6)
    tokens, cache = jnp.zeros((1, 3), jnp.int32), adapted.empty_cache(1, 3)
    np.testing.assert_allclose(
        adapted.extend(tokens, cache)[0],
        merged.extend(tokens, merged.empty_cache(1, 3))[0],
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_merged_model_is_rounded_once():
    """What is evaluated and exported is what a run would go on from."""
    adapted, rounded = moved(build()), numerics.precision.Precision()
    graphdef, params, variables = nnx.split(adapted, nnx.Param, ...)
    arrays = (nnx.to_pure_dict(part) for part in (params, variables))
    zero = jnp.int32(0)
    state = training.state.TrainState(zero, jax.random.key(0), *arrays, (), zero, zero)
    used = training.evaluation.inference_model(graphdef, state, rounded)
    expected = numerics.precision.cast_floating(adapted.merged_weights(), "bfloat16")
    jax.tree.map(np.testing.assert_array_equal, nnx.to_pure_dict(nnx.state(used)), expected)


def test_the_base_stays_in_float32():
    adapted = build(precision=numerics.precision.Precision())
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(nnx.state(adapted.base))}
    assert dtypes == {jnp.dtype("float32")}


def test_targets_that_are_not_there():
    with pytest.raises(ValueError, match="no weights called"):
        build(SETTINGS.model_copy(update={"targets": ("gate_proj",)}))


def test_weights_that_are_not_stacked_over_layers():
    with pytest.raises(ValueError, match="stacked over layers"):
        build(SETTINGS.model_copy(update={"targets": ("embedding",)}))


def test_weights_that_are_rounded_already_stay_so():
    rounded = SETTINGS.model_copy(update={"base_dtype": "bfloat16"})
    adapted = moved(build(rounded, numerics.precision.Precision()))
    leaves = jax.tree.leaves(nnx.state(adapted.base, nnx.Variable))
    assert {leaf.dtype.name for leaf in leaves} == {"bfloat16"}
    merged, base = (
        nnx.to_pure_dict(nnx.state(each, nnx.Variable)) for each in (adapted.merged(), adapted.base)
    )
    assert {leaf.dtype.name for leaf in jax.tree.leaves(merged)} == {"bfloat16"}
    assert not np.array_equal(
        merged["blocks"]["attention"]["query"], base["blocks"]["attention"]["query"]
    )
