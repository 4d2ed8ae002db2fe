"""Inputs that `tools/jaxcheck.pyz trace` cannot make up: arguments of functions, by their names.

Arrays stand as `jax.ShapeDtypeStruct`; what is missing here is made up from the signature.
"""

from typing import Any

import jax
from flax import nnx

from .project import configuration, experiments, frequency, package, training
from .traced import training_inputs

BATCH, SEQ_LEN, HORIZON, CHANNELS = 16, 24, 8, 2
INFO = {
    "kind": "series",
    "columns": {"time": "t", "channels": ["a", "b"], "series": None, "per_file": False},
    "frequency": "1d",
    "season": 7,
    "lengths": {"seq_len": SEQ_LEN, "horizon": HORIZON, "patch_len": 4},
}


def experiment() -> training.experiment.Experiment:
    """An experiment that knows its data."""
    smoke = configuration.build(configuration.compose(["config:smoke"], experiments))
    return smoke.fitted(INFO)


def inputs() -> dict[str, Any]:
    """What the model needs of a batch."""
    values = (BATCH, SEQ_LEN, CHANNELS)
    return {
        "history": jax.ShapeDtypeStruct(values, "float32"),
        "observed": jax.ShapeDtypeStruct(values, "bool"),
        "history_time": jax.ShapeDtypeStruct((BATCH, SEQ_LEN, frequency.NUM_FEATURES), "float32"),
        "future_time": jax.ShapeDtypeStruct((BATCH, HORIZON, frequency.NUM_FEATURES), "float32"),
    }


def by_channel() -> dict[str, Any]:
    """What the model makes tokens of: every channel of a window is an example of its own."""
    shape = (BATCH * CHANNELS, SEQ_LEN)
    return {
        "values": jax.ShapeDtypeStruct(shape, "float32"),
        "observed": jax.ShapeDtypeStruct(shape, "bool"),
        "naive": jax.ShapeDtypeStruct((BATCH * CHANNELS, HORIZON), "float32"),
        **{name: array for name, array in inputs().items() if name.endswith("_time")},
    }


def quantiles() -> dict[str, Any]:
    """Quantiles at levels that fit, and what came."""
    levels = experiment().model.levels
    shape = (BATCH, HORIZON, CHANNELS)
    return {
        "quantiles": jax.ShapeDtypeStruct((*shape, len(levels)), "float32"),
        "targets": jax.ShapeDtypeStruct(shape, "float32"),
        "levels": levels,
    }


def batch() -> dict[str, Any]:
    """What an objective needs: a model, and a batch as `Windows.read` makes it."""
    fitted = experiment()
    built = nnx.eval_shape(lambda: fitted.model.build(rngs=nnx.Rngs(0), precision=fitted.precision))
    targets = jax.ShapeDtypeStruct((BATCH, HORIZON, CHANNELS), "float32")
    scales = jax.ShapeDtypeStruct((BATCH, CHANNELS), "float32")
    return {
        "model": built,
        "batch": {**inputs(), "targets": targets, "weights": targets, "scales": scales},
    }


INPUTS = {
    f"{package.__name__}.model.ForecasterSettings": lambda: experiment().model,
    f"{package.__name__}.model.Forecaster.__call__": inputs,
    f"{package.__name__}.model.Forecaster._embed": by_channel,
    f"{package.__name__}.objective.quantile_losses": quantiles,
    f"{package.__name__}.objective.QuantileLoss.__call__": batch,
    **training_inputs(experiment, batch),
}
