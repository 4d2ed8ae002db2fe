"""Inputs that `tools/jaxcheck.pyz trace` cannot make up: arguments of functions, by their names.

Arrays stand as `jax.ShapeDtypeStruct`; what is missing here is made up from the signature.
"""

from typing import Any

import jax

from .project import configuration, experiments, package, training
from .traced import training_inputs

BATCH, PROMPT, RESPONSE = 16, 8, 8


def batch() -> dict[str, Any]:
    """What an objective needs besides a model: a batch as `data.py` makes it."""
    made: dict[str, Any] = {"weights": jax.ShapeDtypeStruct((BATCH,), "float32")}
    for name, length in (("prompt", PROMPT), ("response", RESPONSE)):
        made[name] = jax.ShapeDtypeStruct((BATCH, length), "int32")
        made[f"{name}_mask"] = jax.ShapeDtypeStruct((BATCH, length), "bool")
    return {"batch": made}


def experiment() -> training.experiment.Experiment:
    """An experiment that knows its data."""
    return configuration.build(configuration.compose(["config:pretrain"], experiments)).fitted({})


INPUTS = {
    f"{package.__name__}.objective.NextToken.__call__": batch,
    f"{package.__name__}.post_training.supervised._model_inputs": batch,
    **training_inputs(experiment, batch),
}
