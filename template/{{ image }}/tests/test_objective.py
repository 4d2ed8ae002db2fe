"""The loss and the metrics, against plain formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics

from .project import label_scores, objective

LOGITS = jnp.array([[2.0, 0.0, -1.0], [0.0, 1.0, 3.0], [1.0, 1.5, 0.0]])
BATCH = {
    "images": jnp.zeros((3, 4, 4, 1)),
    "labels": jnp.array([0, 1, 1]),
    "weights": jnp.array([1.0, 2.0, 0.0]),
}
LABELS = jnp.array([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
INFO = {"kind": "image", "shape": [4, 4, 1], "classes": ["a", "b", "c"]}


def means(logits=LOGITS, batch=BATCH, targets=None, **settings):
    loss = objective.ImageLoss(**settings).fitted({**INFO, "targets": targets})
    found = loss(lambda images, key: logits, batch)
    return {name: float(mean) for name, mean in found.items()}


def test_loss_and_accuracy_are_weighted_means():
    nats = -np.asarray(jax.nn.log_softmax(LOGITS))[range(3), [0, 1, 1]]
    assert means() == {
        "loss": pytest.approx((nats[0] + 2 * nats[1]) / 3),
        "accuracy": pytest.approx(1 / 3),
    }


def test_smoothing_spreads_a_share_of_the_target():
    targets = 0.9 * np.eye(3)[[0, 1, 1]] + 0.1 / 3
    nats = -np.sum(targets * np.asarray(jax.nn.log_softmax(LOGITS)), axis=1)
    expected = (nats[0] + 2 * nats[1]) / 3
    assert means(label_smoothing=0.1)["loss"] == pytest.approx(expected)


def test_with_many_classes_the_five_likeliest_count_too():
    logits = jnp.tile(jnp.arange(7.0, 0.0, -1.0), (3, 1))  # class 0 is the likeliest
    assert means(logits)["top_5_accuracy"] == 1
    assert means(-logits)["top_5_accuracy"] == 0


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_each_label_is_told_by_itself(smoothing):
    targets = {"task": "multilabel", "names": ["a", "b", "c"]}
    found = means(LOGITS, {**BATCH, "labels": LABELS}, targets, label_smoothing=smoothing)
    wanted = np.asarray(LABELS) * (1 - smoothing) + smoothing / 2
    shares = np.asarray(jax.nn.sigmoid(LOGITS))
    nats = -(wanted * np.log(shares) + (1 - wanted) * np.log(1 - shares)).mean(axis=1)
    assert found == {
        "loss": pytest.approx((nats[0] + 2 * nats[1]) / 3, rel=1e-5),
        "accuracy": pytest.approx((1 + 2 * 2 / 3) / 3),
        "exact_match": pytest.approx(1 / 3),
    }


@pytest.mark.parametrize("count", [1, 3])
def test_numbers_are_told_in_their_own_unit(count):
    targets = {
        "task": "regression",
        "names": ["x", "y", "z"][:count],
        "mean": [5.0, 6.0, 7.0][:count],
        "std": [4.0, 2.0, 1.0][:count],
    }
    found = means(LOGITS[:, :count], {**BATCH, "labels": LABELS[:, :count]}, targets)
    error = np.asarray(LOGITS - LABELS)[:, :count]
    squares, apart = (each.mean(axis=1) for each in (error**2, abs(error)))
    assert found == {
        "loss": pytest.approx((squares[0] + 2 * squares[1]) / 3),
        "mae": pytest.approx((4 if count == 1 else 1) * (apart[0] + 2 * apart[1]) / 3),
    }


def test_a_batch_of_another_shape_is_refused():
    for change in ({"labels": jnp.zeros((2,), jnp.int32)}, {"images": jnp.zeros((3, 4, 4))}):
        with pytest.raises(AssertionError, match="Chex"):
            objective.ImageLoss()(lambda images, key: LOGITS, {**BATCH, **change})


def test_scores_of_labels_are_those_of_scikit_learn():
    random = np.random.default_rng(0)
    labels = (random.random((200, 4)) < 0.3).astype(np.float32)
    shares = (np.round(20 * random.random((200, 4))) / 20 + labels).astype(np.float32) / 2
    found = label_scores.LabelScores().compute({"labels": labels, "probabilities": shares})
    told = shares > 0.5
    assert found == {
        "f1": pytest.approx(metrics.f1_score(labels, told, average="macro")),
        "average_precision": pytest.approx(metrics.average_precision_score(labels, shares)),
        "auc": pytest.approx(metrics.roc_auc_score(labels, shares)),
    }


def test_labels_that_no_image_has_are_left_out_of_the_scores():
    labels, shares = np.array([[1, 0], [0, 0]]), np.array([[0.9, 0.2], [0.8, 0.4]])
    found = label_scores.LabelScores().compute({"labels": labels, "probabilities": shares})
    assert found == {"f1": pytest.approx(2 / 3), "average_precision": 1.0, "auc": 1.0}
    assert label_scores.LabelScores().compute({}) == {}
    assert label_scores.LabelScores().collect({"probabilities": jnp.ones(3)}, {}) == {}
