"""An optimizer that leaves out what would do harm."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from .project import post_training, training

SAFETY = training.safety.SafetySettings(max_gradient_norm=10.0)
PARAMS = {"weight": jnp.array([1.0, 2.0])}


def updates(*gradients):
    """The weights and the optimizer's state after some gradients of both weights."""
    optimizer = post_training.guard.guarded(optax.adam(0.1), SAFETY)
    params, state = PARAMS, optimizer.init(PARAMS)
    for gradient in gradients:
        grads = {"weight": jnp.array([gradient, gradient])}
        changes, state = jax.jit(optimizer.update)(grads, state, params)
        params = optax.apply_updates(params, changes)
    return weights(params), state


def weights(params: Any) -> np.ndarray:
    return np.asarray(params["weight"])


def test_safe_updates_are_those_of_the_optimizer():
    optimizer = optax.adam(0.1)
    changes, _ = optimizer.update({"weight": jnp.ones(2)}, optimizer.init(PARAMS), PARAMS)
    moved, state = updates(1.0)
    np.testing.assert_allclose(moved, weights(PARAMS) + weights(changes))
    assert (state.skipped, state.consecutive_skips) == (0, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 100.0])
def test_a_bad_update_changes_nothing(bad):
    good, good_state = updates(1.0)
    same, state = updates(1.0, bad)
    np.testing.assert_array_equal(same, good)
    jax.tree.map(np.testing.assert_array_equal, state.inner, good_state.inner)
    assert (state.skipped, state.consecutive_skips) == (1, 1)


def test_an_update_that_overflows_changes_nothing():
    optimizer = post_training.guard.guarded(optax.scale(3e38), SAFETY)
    changes, state = optimizer.update({"weight": jnp.full(2, 2.0)}, optimizer.init(PARAMS), PARAMS)
    np.testing.assert_array_equal(weights(changes), [0, 0])
    assert state.skipped == 1


def test_a_good_update_ends_the_row_of_bad_ones():
    _, state = updates(np.nan, np.nan, 1.0, np.nan)
    assert (state.skipped, state.consecutive_skips) == (3, 1)


def test_an_update_whose_loss_stands_out_changes_nothing():
    settings = training.safety.SafetySettings(spike_threshold=10.0)
    optimizer = post_training.guard.guarded(optax.adam(0.1), settings)
    grads, state = {"weight": jnp.ones(2)}, optimizer.init(PARAMS)
    update = jax.jit(optimizer.update)
    for loss in np.linspace(2.0, 1.9, training.spikes.RECENT):
        _, state = update(grads, state, PARAMS, value=jnp.float32(loss))
    before = state
    changes, state = update(grads, state, PARAMS, value=jnp.float32(200.0))
    np.testing.assert_array_equal(weights(changes), [0, 0])
    jax.tree.map(np.testing.assert_array_equal, state.inner.inner, before.inner.inner)
    assert (state.skipped, state.consecutive_skips, state.inner.spikes) == (1, 1, 1)
    changes, state = update(grads, state, PARAMS, value=jnp.float32(1.9))
    assert all(weights(changes) != 0)
    assert (state.skipped, state.consecutive_skips, state.inner.spikes) == (1, 0, 1)
