"""Inputs that `tools/jaxcheck trace` cannot make up: arguments of functions, by their names.

Arrays stand as `jax.ShapeDtypeStruct`; what is missing here is made up from the signature.
"""

from typing import Any

import jax

from . import tiny
from .project import configuration, experiments, package, training


def batch() -> dict[str, Any]:
    """What an objective needs besides a model: a batch as `data.py` makes it."""
    integers = jax.ShapeDtypeStruct((16, 48), "int32")
    arrays = dict.fromkeys(("tokens", "targets", "segments", "positions"), integers)
    return {"batch": {**arrays, "weights": jax.ShapeDtypeStruct(integers.shape, "float32")}}


def start() -> dict[str, Any]:
    """What a run starts from."""
    experiment = configuration.build(configuration.compose(["config:smoke"], experiments))
    optimizer, _ = training.optimizer.make_optimizer(experiment.optimizer, steps=10)
    return {"experiment": experiment, "optimizer": optimizer}


def step() -> dict[str, Any]:
    """What a training step starts from."""
    given = start()
    plan = training.state.blueprint(**given, mesh=tiny.make_mesh())
    return {**given, **batch(), "graphdef": plan.graphdef, "state": plan.abstract}


INPUTS = {
    f"{package.__name__}.objective.NextToken.__call__": batch,
    f"{package.__name__}.training.state.initial_state": start,
    f"{package.__name__}.training.step._gradients": step,
    f"{package.__name__}.training.evaluation.inference_model": step,
}
