"""The forecaster: shapes, what must not matter, and switches that must not change results."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from .project import errors, model, normalisation, numerics, simple_forecasts

FLOAT32 = numerics.precision.FLOAT32
BFLOAT16 = numerics.precision.Precision()
SETTINGS = model.ForecasterSettings(
    patch_len=4, d_model=32, num_layers=1, num_heads=2, d_ff=48, unroll_layers=True
).fitted({"kind": "series", "columns": {"channels": ["a", "b"]}, "season": 6})
BATCH, SEQ_LEN, HORIZON, CHANNELS, FEATURES = 3, 18, 10, 2, 8


def build(precision=FLOAT32, **changes):
    settings = SETTINGS.model_copy(update=changes)
    return settings.build(rngs=nnx.Rngs(0), precision=precision)


def inputs(seed=0):
    keys = jax.random.split(jax.random.key(seed), 4)
    history = 20 + 3 * jax.random.normal(keys[0], (BATCH, SEQ_LEN, CHANNELS))
    observed = jax.random.bernoulli(keys[1], 0.8, history.shape)
    return (
        history,
        observed,
        jax.random.uniform(keys[2], (BATCH, SEQ_LEN, FEATURES)),
        jax.random.uniform(keys[3], (BATCH, HORIZON, FEATURES)),
    )


@nnx.jit
def run(forecaster, *arrays, key=None):
    return forecaster(*arrays, key=key)


@pytest.fixture(scope="module")
def forecaster():
    """A model whose weights matter as much as those of a trained one."""
    built = build()
    built.head[...] = 10 * built.head[...]
    return built


@pytest.mark.parametrize("patch_len", [1, 4, 7, 30])
def test_shapes_and_dtypes(patch_len):
    forecaster = nnx.eval_shape(lambda: build(BFLOAT16, patch_len=patch_len))
    quantiles = nnx.eval_shape(lambda forecaster: forecaster(*inputs()), forecaster)
    assert quantiles.shape == (BATCH, HORIZON, CHANNELS, 11)
    assert quantiles.dtype == jnp.float32
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(nnx.state(forecaster, nnx.Param))}
    assert dtypes == {jnp.dtype("bfloat16")}


def test_wrong_shape_is_refused_at_trace_time():
    history, observed, past, future = inputs()
    with pytest.raises(Exception, match="Type-check error"):
        jax.eval_shape(build(), history, observed[:, :-1], past, future)


def test_quantiles_do_not_cross(forecaster):
    raw = 5 * jax.random.normal(jax.random.key(0), (4, 6, 9))
    apart = jnp.diff(model.spread(raw, 4), axis=-1)
    assert float(jnp.min(apart)) > 0
    np.testing.assert_array_equal(model.spread(raw, 4)[..., 4], raw[..., 4])
    assert float(jnp.min(jnp.diff(run(forecaster, *inputs()), axis=-1))) > 0


def test_training_starts_near_the_mean_of_simple_forecasts():
    history, observed, *time = inputs()
    whole = jnp.ones_like(observed)
    values = jnp.moveaxis(history, 2, 1).reshape(-1, SEQ_LEN)
    values, level, scale = normalisation.normalise(values, jnp.ones_like(values, bool))
    there = jnp.ones_like(values, bool)
    simple = simple_forecasts.simple_forecasts(values, there, 6, HORIZON).forecasts
    mean = (jnp.mean(simple, axis=-1) * scale + level).reshape(BATCH, CHANNELS, HORIZON)
    median = run(build(), history, whole, *time)[..., 5]
    assert float(jnp.max(jnp.abs(median - jnp.moveaxis(mean, 1, 2)))) < 2  # of a scale of 3


def test_missing_values_do_not_matter(forecaster):
    history, observed, *time = inputs()
    others = jnp.where(observed, history, jnp.float32(1e6))
    nothing = jnp.where(observed, history, jnp.nan)
    before = run(forecaster, history, observed, *time)
    for changed in (others, nothing):
        np.testing.assert_array_equal(run(forecaster, changed, observed, *time), before)
    assert jnp.any(run(forecaster, others, jnp.ones_like(observed), *time) != before)


def test_a_window_without_values_gives_finite_quantiles(forecaster):
    history, observed, *time = inputs()
    assert jnp.all(jnp.isfinite(run(forecaster, history, jnp.zeros_like(observed), *time)))
    constant = jnp.full_like(history, 1e5)
    np.testing.assert_allclose(run(forecaster, constant, observed, *time), 1e5, rtol=1e-4)


@pytest.mark.parametrize(("factor", "shift"), [(1.0, 500.0), (1e-4, 0.0), (1e4, -3e4)])
def test_forecasts_shift_and_scale_with_their_history(forecaster, factor, shift):
    history, observed, *time = inputs()
    before = run(forecaster, history, observed, *time)
    after = run(forecaster, history * factor + shift, observed, *time)
    np.testing.assert_allclose((after - shift) / factor, before, rtol=1e-3, atol=5e-3)


def test_no_channel_sees_another_and_each_is_told_apart(forecaster):
    history, observed, *time = inputs()
    before = run(forecaster, history, observed, *time)
    after = run(forecaster, history.at[:, :, 1].multiply(-2), observed, *time)
    np.testing.assert_array_equal(after[:, :, 0], before[:, :, 0])
    assert jnp.any(after[:, :, 1] != before[:, :, 1])
    same = jnp.broadcast_to(history[:, :, :1], history.shape)
    both = run(forecaster, same, jnp.ones_like(observed), *time)
    assert jnp.any(both[:, :, 0] != both[:, :, 1])


def test_the_calendar_matters(forecaster):
    history, observed, past, future = inputs()
    before = run(forecaster, history, observed, past, future)
    assert jnp.any(run(forecaster, history, observed, past, future + 0.5) != before)
    assert jnp.any(run(forecaster, history, observed, past + 0.5, future) != before)


def test_covariates_matter_and_so_does_how_they_change():
    forecaster = build(covariates=2)
    forecaster.head[...] = 10 * forecaster.head[...]
    history, observed, past, future = inputs()
    beside = [
        jax.random.uniform(jax.random.key(n), (*t.shape[:2], 2))
        for n, t in ((5, past), (6, future))
    ]
    time = [jnp.concatenate(pair, axis=-1) for pair in zip((past, future), beside, strict=True)]
    before = run(forecaster, history, observed, *time)
    after = run(forecaster, history, observed, time[0], time[1].at[:, 4, -1].add(1.0))
    assert jnp.any(before != after)
    # The forecast repeats the last season, 6 steps long: what was known then is compared with.
    found = model._season_before(time[0], 6, HORIZON)
    np.testing.assert_array_equal(found[:, 7], time[0][:, SEQ_LEN - 5])
    np.testing.assert_array_equal(model._season_before(time[0], 30, 4)[:, 3], time[0][:, -1])


def test_longer_forecasts_need_no_other_weights(forecaster):
    history, observed, past, future = inputs()
    longer = jnp.concatenate([future, future], axis=1)
    assert run(forecaster, history, observed, past, longer).shape[1] == 2 * HORIZON


def quantiles_and_gradients(forecaster, key=None):
    graphdef, params = nnx.split(forecaster)

    def total(params):
        quantiles = nnx.merge(graphdef, params)(*inputs(), key=key)
        return jnp.mean(jnp.square(quantiles - 20)), quantiles

    gradients, quantiles = jax.jit(jax.grad(total, has_aux=True))(params)
    return quantiles, jax.tree.leaves(gradients)


def test_how_layers_are_computed_changes_nothing():
    plain, other = build(num_layers=2), build(num_layers=2, unroll_layers=False, remat="full")
    for one, two in zip(*map(quantiles_and_gradients, (plain, other)), strict=True):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), one, two)


def test_dropout_follows_its_key():
    forecaster = build(dropout=0.5)
    key, other = jax.random.split(jax.random.key(1))
    keys = (jax.random.clone(key), key, other)
    first, again, different = (run(forecaster, *inputs(), key=each) for each in keys)
    np.testing.assert_array_equal(first, again)
    assert jnp.any(first != different)
    np.testing.assert_array_equal(run(forecaster, *inputs()), run(build(), *inputs()))


def test_bfloat16_stays_close_to_float32():
    difference = jnp.abs(run(build(), *inputs()) - run(build(BFLOAT16), *inputs()))
    assert 0 < float(jnp.max(difference)) < 0.1


def test_vectorised_model_equals_a_loop():
    graphdef, params = nnx.split(build())
    stacked = [jnp.stack(arrays) for arrays in zip(inputs(0), inputs(1), strict=True)]

    def apply(*arrays):
        return nnx.merge(graphdef, params)(*arrays)

    mapped = jax.jit(jax.vmap(apply))(*stacked)
    for number in range(2):
        alone = jax.jit(apply)(*(array[number] for array in stacked))
        np.testing.assert_allclose(mapped[number], alone, rtol=1e-4, atol=1e-4)


def test_what_follows_from_the_data_must_be_known():
    bare = model.ForecasterSettings()
    assert bare.fitted({"kind": "text"}) == bare
    with pytest.raises(errors.UserError, match=r"model.channels and model.season follow from"):
        bare.build(rngs=nnx.Rngs(0), precision=FLOAT32)


@pytest.mark.parametrize("levels", [(0.1, 0.9), (0.5, 0.1, 0.9), (0.0, 0.5, 1.0), (0.1, 0.5), ()])
def test_levels_must_rise_around_the_median(levels):
    with pytest.raises(ValueError, match=r"must rise between 0 and 1, with 0.5 in the middle"):
        model.ForecasterSettings(levels=levels)


# The naive forecast


def naive(values, season, horizon=5, missing=()):
    observed = jnp.array([[number not in missing for number in range(len(values))]])
    found = normalisation.seasonal_naive(jnp.float32([values]), observed, season, horizon)
    return found[0].tolist()


def test_the_naive_forecast_repeats_the_last_season():
    values = [9, 1, 2, 3, 4, 5, 6]
    assert naive(values, 3) == [4, 5, 6, 4, 5]
    assert naive(values, 1) == [6] * 5
    assert naive(values, 8) == [6] * 5  # longer than the window
    assert naive(values, 3, missing=[5, 6]) == [4, 2, 3, 4, 2]  # from the season before
    assert naive(values, 3, missing=[1, 4]) == [6, 5, 6, 6, 5]  # there is none: the newest value
    assert naive(values, 3, missing=range(7)) == [0] * 5
