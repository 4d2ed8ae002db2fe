"""The loss and its metrics against plain NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from .project import errors, model, numerics, objective

ROWS = 5
WEIGHTS = np.array([1, 1, 2, 1, 0], np.float32)


def outputs_and_means(num_outputs, targets, **fields):
    """What a network tells about five rows, and what the loss makes of it."""
    settings = model.TableNetworkSettings(
        num_numbers=3, num_missing=0, category_sizes=(), num_outputs=num_outputs
    )
    network = settings.build(rngs=nnx.Rngs(0), precision=numerics.precision.FLOAT32)
    batch = {
        "numbers": 30 * jax.random.normal(jax.random.key(0), (ROWS, 3)),
        "missing": jnp.zeros((ROWS, 0)),
        "categories": jnp.zeros((ROWS, 0), jnp.int32),
        "targets": jnp.asarray(targets),
        "weights": jnp.asarray(WEIGHTS),
    }

    @nnx.jit
    def ask(network, batch):
        outputs = network(batch["numbers"], batch["missing"], batch["categories"])
        return outputs, objective.TargetLoss(**fields)(network, batch)

    outputs, means = ask(network, batch)
    return np.asarray(outputs), {name: float(mean) for name, mean in means.items()}


def test_classes():
    targets = np.array([0, 2, 1, 1, 0], np.int32)
    outputs, told = outputs_and_means(3, targets, task="classification")
    shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    nats = -np.log(shares[np.arange(ROWS), targets])
    assert told["loss"] == pytest.approx(np.average(nats, weights=WEIGHTS), rel=1e-5)
    hits = outputs.argmax(axis=1) == targets
    assert told["accuracy"] == pytest.approx(np.average(hits, weights=WEIGHTS))


def test_rare_classes_and_unsure_examples_may_count_more():
    targets = np.array([0, 2, 1, 1, 0], np.int32)
    fields = {"task": "classification", "shares": (0.6, 0.3, 0.1)}
    outputs, plain = outputs_and_means(3, targets, **fields)
    _, balanced = outputs_and_means(3, targets, class_weights="balanced", **fields)
    _, focal = outputs_and_means(3, targets, focal_gamma=2.0, **fields)
    shares = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
    right = shares[np.arange(ROWS), targets]
    weights = WEIGHTS / np.array([0.6, 0.3, 0.1])[targets]
    assert balanced["loss"] == pytest.approx(np.average(-np.log(right), weights=weights), rel=1e-5)
    expected = np.average(-np.log(right) * (1 - right) ** 2, weights=WEIGHTS)
    assert focal["loss"] == pytest.approx(expected, rel=1e-4)
    assert plain["accuracy"] == balanced["accuracy"] == focal["accuracy"]


def test_shares_of_classes_follow_from_the_training_split():
    target = {"name": "t", "task": "classification", "classes": ["rare", "usual"]}
    encoding = {"numbers": [], "categories": [], "ignored": [], "target": target}
    classes = {"train": {"usual": 95, "rare": 5}, "test": {"usual": 1, "rare": 1}}
    info = {"encoding": encoding, "split": {"classes": classes}}
    balanced = objective.TargetLoss(class_weights="balanced")
    assert balanced.fitted(info).shares == (0.05, 0.95)
    assert objective.TargetLoss().fitted({"encoding": encoding}).shares == ()
    info["encoding"] = {**encoding, "target": {"name": "t", "task": "regression"}}
    with pytest.raises(errors.UserError, match=r"class_weights .* for classes, .* 't' is a number"):
        balanced.fitted(info)


def test_numbers():
    targets = np.linspace(-1, 1, ROWS, dtype=np.float32)
    outputs, told = outputs_and_means(1, targets, task="regression", target_std=50.0)
    error = outputs[:, 0] - targets
    assert told["loss"] == pytest.approx(np.average(error**2, weights=WEIGHTS), rel=1e-5)
    assert told["mae"] == pytest.approx(np.average(50 * abs(error), weights=WEIGHTS), rel=1e-5)
    assert set(told) == {"loss", "mae"}


def test_the_task_follows_from_the_data():
    target = {"name": "t", "task": "regression", "mean": 7.0, "std": 3.0}
    encoding = {"numbers": [], "categories": [], "ignored": [], "target": target}
    fitted = objective.TargetLoss().fitted({"encoding": encoding})
    assert fitted == objective.TargetLoss(task="regression", target_std=3.0)
