"""Scores against their definitions."""

import numpy as np
import pytest

from .project import scores


def test_area_under_the_roc_curve_is_the_share_of_pairs_in_the_right_order():
    random = np.random.default_rng(0)
    positive = random.random(60) < 0.4
    given = np.round(random.normal(size=60) + positive, 1)  # some are equal
    pairs = given[positive][:, None] - given[~positive][None, :]
    expected = np.mean((pairs > 0) + 0.5 * (pairs == 0))
    assert scores.roc_auc(positive, given) == pytest.approx(expected)
    assert scores.roc_auc(positive, positive.astype(float)) == 1.0
    assert np.isnan(scores.roc_auc(np.ones(3, bool), np.arange(3.0)))


def test_r_squared():
    true = np.array([1.0, 2.0, 3.0], np.float32)
    assert scores.r_squared(true, true) == 1.0
    assert scores.r_squared(true, np.full(3, 2.0, np.float32)) == 0.0
    assert scores.r_squared(true, true[::-1].copy()) == -3.0
    assert np.isnan(scores.r_squared(np.ones(3), np.zeros(3)))
