"""Inputs that `tools/jaxcheck.pyz trace` cannot make up: arguments of functions, by their names.

Arrays stand as `jax.ShapeDtypeStruct`; what is missing here is made up from the signature.
"""

from typing import Any

import jax
from flax import nnx

from .project import configuration, experiments, package, training
from .traced import training_inputs

BATCH = 16
INFO = {
    "encoding": {
        "numbers": [
            {"name": "pressure", "kind": "number"},
            {"name": "wind", "kind": "number", "missing": 3},
        ],
        "categories": [{"name": name, "values": ["a", "b"]} for name in ("x", "y", "z")],
        "ignored": [],
        "target": {"name": "sky", "task": "classification", "classes": ["calm", "storm"]},
    },
    "split": {"classes": {"train": {"calm": 70, "storm": 30}}},
}


def experiment() -> training.experiment.Experiment:
    """An experiment that knows its data."""
    smoke = configuration.build(configuration.compose(["config:smoke"], experiments))
    return smoke.fitted(INFO)


def rows() -> dict[str, Any]:
    """What the network takes: rows of the table above."""
    return {
        "numbers": jax.ShapeDtypeStruct((BATCH, 2), "float32"),
        "missing": jax.ShapeDtypeStruct((BATCH, 1), "float32"),
        "categories": jax.ShapeDtypeStruct((BATCH, 3), "int32"),
    }


def batch() -> dict[str, Any]:
    """What an objective needs: a model, and a batch as `data.py` makes it."""
    fitted = experiment()
    built = nnx.eval_shape(lambda: fitted.model.build(rngs=nnx.Rngs(0), precision=fitted.precision))
    targets = jax.ShapeDtypeStruct((BATCH,), "int32")
    weights = jax.ShapeDtypeStruct((BATCH,), "float32")
    return {"model": built, "batch": {**rows(), "targets": targets, "weights": weights}}


INPUTS = {
    f"{package.__name__}.model.TableNetworkSettings": lambda: experiment().model,
    f"{package.__name__}.model.Embedding": lambda: batch()["model"].embedding,
    f"{package.__name__}.model.Embedding.__call__": lambda: {"categories": rows()["categories"]},
    f"{package.__name__}.model.TableNetwork.__call__": rows,
    f"{package.__name__}.objective.TargetLoss": lambda: experiment().objective,
    f"{package.__name__}.objective.TargetLoss.__call__": batch,
    **training_inputs(experiment, batch),
}
