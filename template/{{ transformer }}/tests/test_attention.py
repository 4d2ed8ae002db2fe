"""Attention: against a loop over heads."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from .project import attention, numerics


@pytest.mark.parametrize("masked", [False, True])
def test_heads_that_share_keys_and_values_equal_a_loop_over_heads(masked):
    shapes = [(2, 4, 5, 8), (2, 2, 6, 8), (2, 2, 6, 8)]
    query, key, value = map(jax.random.normal, jax.random.split(jax.random.key(0), 3), shapes)
    mask = np.tri(5, 6, 1) if masked else np.ones((5, 6))
    options = {"adjust": lambda scores: jnp.where(mask, scores, -1e30)} if masked else {}
    float32 = numerics.precision.FLOAT32
    made = np.asarray(attention.attend(query, key, value, float32, scale=0.3, **options))
    for row, head in np.ndindex(2, 4):
        scores = np.asarray(query[row, head]) @ np.asarray(key[row, head // 2]).T * 0.3
        weights = np.exp(scores) * mask
        mixed = weights @ np.asarray(value[row, head // 2]) / weights.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(made[row, head], mixed, rtol=1e-4, atol=1e-5)
