"""Learning-rate schedules, and what is the same for all optimizers."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from .project import training

ScheduleSettings = training.schedule.ScheduleSettings
STEPS, PEAK = 100, 2.0


def rates(**settings):
    schedule = training.schedule.make_schedule(
        ScheduleSettings(warmup_steps=10, **settings), PEAK, STEPS
    )
    return np.array([float(schedule(step)) for step in range(STEPS + 1)])


@pytest.mark.parametrize("kind", ["cosine", "linear", "wsd", "inverse_sqrt", "constant"])
def test_every_schedule_warms_up_linearly(kind):
    np.testing.assert_allclose(rates(kind=kind)[:11], np.linspace(0, PEAK, 11), rtol=1e-6)


def test_cosine_falls_to_its_final_fraction():
    found = rates(kind="cosine", final_fraction=0.1)
    assert np.all(np.diff(found[10:]) < 0)
    np.testing.assert_allclose(found[[10, 55, 100]], [PEAK, 0.55 * PEAK, 0.1 * PEAK], rtol=1e-5)


def test_linear_falls_along_a_line():
    found = rates(kind="linear", final_fraction=0.25)
    np.testing.assert_allclose(found[10:], np.linspace(PEAK, 0.25 * PEAK, 91), rtol=1e-5)


def test_wsd_is_stable_and_then_decays_linearly():
    found = rates(kind="wsd", decay_fraction=0.3, final_fraction=0.0)
    np.testing.assert_allclose(found[10:71], PEAK)
    np.testing.assert_allclose(found[70:], np.linspace(PEAK, 0, 31), atol=1e-6)


def test_the_inverse_root_falls_with_the_steps():
    """Vaswani et al. (2017), equation 3, for a width that makes the peak this one."""
    steps = np.arange(1, STEPS + 1)
    expected = PEAK * 10**0.5 * np.minimum(steps**-0.5, steps * 10**-1.5)
    np.testing.assert_allclose(rates(kind="inverse_sqrt")[1:], expected, rtol=1e-5)


def test_constant_stays():
    np.testing.assert_allclose(rates(kind="constant")[10:], PEAK)


@pytest.mark.parametrize(
    "wrong", [{"warmup_steps": -1}, {"final_fraction": 1.5}, {"decay_fraction": -0.1}]
)
def test_impossible_schedules_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ScheduleSettings(**wrong)


def test_gradients_are_clipped_and_scales_are_not_decayed():
    settings = training.optimizer.OptimizerSettings(
        learning_rate=0.1,
        weight_decay=0.5,
        clip_norm=1.0,
        schedule=ScheduleSettings(kind="constant", warmup_steps=0),
    )
    optimizer = settings.build(10)
    params = {"norm": {"scale": jnp.ones(2)}, "layer": {"weight": jnp.ones(2)}}
    zero = {"norm": {"scale": jnp.zeros(2)}, "layer": {"weight": jnp.zeros(2)}}
    updates, _ = optimizer.update(zero, optimizer.init(params), params)
    np.testing.assert_allclose(updates["norm"]["scale"], 0)
    np.testing.assert_allclose(updates["layer"]["weight"], -0.1 * 0.5)

    huge = {"norm": {"scale": jnp.full(2, 1e6)}, "layer": {"weight": jnp.zeros(2)}}
    _, state = optimizer.update(huge, optimizer.init(params), params)
    moment = optax.tree.get(state, "mu")["norm"]["scale"]
    np.testing.assert_allclose(jnp.linalg.norm(moment), 1.0 * (1 - settings.b1), rtol=1e-5)
