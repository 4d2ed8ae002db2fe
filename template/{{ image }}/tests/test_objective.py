"""The loss and the metrics, against plain formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from .project import objective

LOGITS = jnp.array([[2.0, 0.0, -1.0], [0.0, 1.0, 3.0], [1.0, 1.5, 0.0]])
BATCH = {
    "images": jnp.zeros((3, 4, 4, 1)),
    "labels": jnp.array([0, 1, 1]),
    "weights": jnp.array([1.0, 2.0, 0.0]),
}


def means(logits=LOGITS, **settings):
    found = objective.Classification(**settings)(lambda images, key: logits, BATCH)
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


def test_a_batch_of_another_shape_is_refused():
    for change in ({"labels": jnp.zeros((2,), jnp.int32)}, {"images": jnp.zeros((3, 4, 4))}):
        with pytest.raises(AssertionError, match="Chex"):
            objective.Classification()(lambda images, key: LOGITS, {**BATCH, **change})
