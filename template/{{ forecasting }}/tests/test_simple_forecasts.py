"""Simple forecasts: exact where a series is what they take it for, and of any level and scale."""

import jax.numpy as jnp
import numpy as np
import pytest

from .project import simple_forecasts

NAIVE, DRIFT, TREND, REGRESSION, REVERTING, LAST = range(simple_forecasts.NUM_SIMPLE)
SEASON, STEPS, HORIZON = 4, 24, 6


def forecast(values, observed=None, season=SEASON, horizon=HORIZON):
    values = jnp.float32(values)[None, :]
    there = jnp.ones_like(values, bool) if observed is None else jnp.array(observed)[None, :]
    told = simple_forecasts.simple_forecasts(values, there, season, horizon)
    return np.asarray(told.forecasts[0]), float(told.error[0, 0])


def split(series):
    return series[:STEPS] / 10, series[STEPS : STEPS + HORIZON] / 10


step = np.arange(STEPS + HORIZON)
WAVE = np.array([3.0, -1.0, 2.0, -4.0])[step % SEASON]


def test_a_repeated_season_is_found_by_all_that_look_for_one():
    past, future = split(WAVE)
    told, error = forecast(past)
    for kind in (NAIVE, DRIFT, TREND, REGRESSION, REVERTING):
        np.testing.assert_allclose(told[:, kind], future, atol=1e-5)
    np.testing.assert_allclose(told[:, LAST], past[-1])
    assert error == pytest.approx(1e-3, rel=0.1)


def test_a_steady_slope_goes_on():
    past, future = split(WAVE + 0.5 * step)
    told, _ = forecast(past)
    for kind in (DRIFT, REGRESSION):
        np.testing.assert_allclose(told[:, kind], future, atol=0.02)
    np.testing.assert_allclose(told[:SEASON, TREND], future[:SEASON], atol=1e-4)  # then it slows
    assert (told[SEASON:, TREND] < future[SEASON:]).all()


def test_a_season_that_grows_goes_on_growing():
    """Better than what only adds to the last season."""
    past, future = split(10 * 1.2 ** (step // SEASON) * (1 + WAVE / 10))
    told, _ = forecast(past)
    missed = np.abs(told - future[:, None]).mean(axis=0)
    assert missed.argmin() == REGRESSION and missed[REGRESSION] < 0.5 * missed[DRIFT]


def test_what_reverts_to_its_mean_is_taken_back_to_it():
    """With the share of a deviation that is left after a step, by least squares."""
    random = np.random.default_rng(0)
    values = np.zeros(400)
    for at in range(1, len(values)):
        values[at] = 0.8 * values[at - 1] + random.normal()
    values = (values - values.mean()) / values.std()
    kept = (values[1:] @ values[:-1]) / (values[:-1] @ values[:-1])
    told, _ = forecast(values, season=1)
    expected = values[-1] * kept ** np.arange(1, HORIZON + 1)
    np.testing.assert_allclose(told[:, REVERTING], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("season", [1, 4, 12, 13, 40])
def test_they_follow_a_window_that_is_scaled(season):
    values = np.random.default_rng(1).normal(size=STEPS)
    observed = np.random.default_rng(2).random(STEPS) < 0.7
    one, error = forecast(values, observed, season)
    other, larger = forecast(-3 * values, observed, season)
    assert one.shape == (HORIZON, simple_forecasts.NUM_SIMPLE)
    np.testing.assert_allclose(other[:, [0, 1, 2, 4, 5]], -3 * one[:, [0, 1, 2, 4, 5]], rtol=1e-3)
    assert larger > 2 * error > 0


def test_missing_values_do_not_matter():
    values = np.random.default_rng(3).normal(size=STEPS)
    observed = np.random.default_rng(4).random(STEPS) < 0.7
    one, _ = forecast(values, observed)
    other, _ = forecast(np.where(observed, values, np.nan), observed)
    np.testing.assert_array_equal(one, other)
    nothing, error = forecast(values, np.zeros(STEPS, bool))
    assert np.isfinite(nothing).all() and error > 0
