"""Scores against their definitions."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import calibration, metrics

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


@pytest.mark.parametrize("num_classes", [2, 5])
def test_scores_are_those_of_scikit_learn(num_classes):
    random = np.random.default_rng(num_classes)
    logits = random.normal(size=(300, num_classes))
    labels = (logits + random.normal(size=logits.shape)).argmax(axis=-1)
    shares = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    found = scores.ClassScores(bins=10).compute({"probabilities": shares, "labels": labels})
    likeliest = shares.argmax(axis=-1)
    given = shares[:, 1] if num_classes == 2 else shares
    assert found["f1"] == pytest.approx(metrics.f1_score(labels, likeliest, average="macro"))
    assert found["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(labels, likeliest)
    )
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(labels, given, multi_class="ovr"))
    np.testing.assert_array_equal(
        scores.confusion_matrix(labels, likeliest, num_classes),
        metrics.confusion_matrix(labels, likeliest),
    )
    confidence, right = shares.max(axis=-1), likeliest == labels
    share_right, mean_confidence = calibration.calibration_curve(right, confidence, n_bins=10)
    filled = np.bincount(np.minimum((confidence * 10).astype(int), 9), minlength=10)
    expected = np.sum(np.abs(share_right - mean_confidence) * filled[filled > 0]) / len(right)
    assert found["calibration_error"] == pytest.approx(expected)


def test_classes_that_do_not_occur_do_not_count():
    shares = np.eye(4)[[0, 1, 1]]
    found = scores.ClassScores().compute({"probabilities": shares, "labels": np.array([0, 0, 1])})
    expected = metrics.f1_score([0, 0, 1], [0, 1, 1], average="macro")
    assert found["f1"] == pytest.approx(expected)
    assert found["balanced_accuracy"] == pytest.approx(0.75)
    nothing = scores.ClassScores().compute(
        {"probabilities": np.zeros((0, 3)), "labels": np.zeros(0, np.int32)}
    )
    assert all(np.isnan(value) for value in nothing.values())


def test_a_model_that_predicts_numbers_has_no_such_scores():
    metric = scores.ClassScores()
    assert metric.collect({"values": jnp.ones(2)}, {"targets": jnp.ones(2)}) == {}
    assert metric.compute({}) == {}
