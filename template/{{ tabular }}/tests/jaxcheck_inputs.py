"""Inputs that `tools/jaxcheck trace` cannot make up: arguments of functions, by their names.

Arrays stand as `jax.ShapeDtypeStruct`; what is missing here is made up from the signature.
"""

from typing import Any

import jax

from . import tiny
from .project import configuration, experiments, package, training

INFO = {
    "encoding": {
        "numbers": [{"name": "wind", "kind": "number", "missing": 3}],
        "categories": [{"name": "color", "values": ["red", "green"]}],
        "ignored": [],
        "target": {"name": "sky", "task": "classification", "classes": ["calm", "storm"]},
    }
}


def rows() -> dict[str, Any]:
    """What a network takes: three rows of the table above."""
    column = jax.ShapeDtypeStruct((3, 1), "float32")
    categories = jax.ShapeDtypeStruct((3, 1), "int32")
    return {"numbers": column, "missing": column, "categories": categories}


def batch() -> dict[str, Any]:
    """What an objective needs besides a model: a batch as `data.py` makes it."""
    targets = jax.ShapeDtypeStruct((3,), "int32")
    weights = jax.ShapeDtypeStruct((3,), "float32")
    return {"batch": {**rows(), "targets": targets, "weights": weights}}


def start() -> dict[str, Any]:
    """What a run starts from."""
    experiment = configuration.build(configuration.compose(["config:smoke"], experiments))
    experiment = experiment.fitted(INFO)
    optimizer, _ = training.optimizer.make_optimizer(experiment.optimizer, steps=10)
    return {"experiment": experiment, "optimizer": optimizer}


def step() -> dict[str, Any]:
    """What a training step starts from."""
    given = start()
    plan = training.state.blueprint(**given, mesh=tiny.make_mesh())
    return {**given, **batch(), "graphdef": plan.graphdef, "state": plan.abstract}


INPUTS = {
    f"{package.__name__}.model.TableNetwork.__call__": rows,
    f"{package.__name__}.objective.TargetLoss.__call__": batch,
    f"{package.__name__}.training.state.initial_state": start,
    f"{package.__name__}.training.step._gradients": step,
    f"{package.__name__}.training.evaluation.inference_model": step,
}
