"""Inputs that `tools/jaxcheck trace` cannot make up: arguments of functions, by their names.

Arrays stand as `jax.ShapeDtypeStruct`; what is missing here is made up from the signature.
"""

from typing import Any

import jax

from . import tiny
from .project import configuration, experiments, package, training

BATCH, PROMPT, RESPONSE = 16, 8, 8


def batch() -> dict[str, Any]:
    """What an objective needs besides a model: a batch as `data.py` makes it."""
    made: dict[str, Any] = {"weights": jax.ShapeDtypeStruct((BATCH,), "float32")}
    for name, length in (("prompt", PROMPT), ("response", RESPONSE)):
        made[name] = jax.ShapeDtypeStruct((BATCH, length), "int32")
        made[f"{name}_mask"] = jax.ShapeDtypeStruct((BATCH, length), "bool")
    return {"batch": made}


def start() -> dict[str, Any]:
    """What a run starts from."""
    experiment = configuration.build(configuration.compose(["config:pretrain"], experiments))
    optimizer, _ = training.optimizer.make_optimizer(experiment.optimizer, steps=10)
    return {"experiment": experiment, "optimizer": optimizer}


def step() -> dict[str, Any]:
    """What a training step starts from."""
    given = start()
    plan = training.state.blueprint(**given, mesh=tiny.make_mesh())
    return {**given, **batch(), "graphdef": plan.graphdef, "state": plan.abstract}


INPUTS = {
    f"{package.__name__}.objective.NextToken.__call__": batch,
    f"{package.__name__}.post_training.supervised._model_inputs": batch,
    f"{package.__name__}.training.state.initial_state": start,
    f"{package.__name__}.training.step._gradients": step,
    f"{package.__name__}.training.evaluation.inference_model": step,
}
