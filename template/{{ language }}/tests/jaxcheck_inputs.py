"""Inputs that `tools/jaxcheck.pyz trace` cannot make up: arguments of functions, by their names.

Arrays stand as `jax.ShapeDtypeStruct`; what is missing here is made up from the signature.
"""

from typing import Any

import jax

from .project import configuration, experiments, package, training
from .traced import training_inputs


def batch() -> dict[str, Any]:
    """What an objective needs besides a model: a batch as `data.py` makes it."""
    integers = jax.ShapeDtypeStruct((16, 48), "int32")
    arrays = dict.fromkeys(("tokens", "targets", "segments", "positions", "bytes"), integers)
    return {"batch": {**arrays, "weights": jax.ShapeDtypeStruct(integers.shape, "float32")}}


def experiment() -> training.experiment.Experiment:
    """An experiment that knows its data."""
    return configuration.build(configuration.compose(["config:smoke"], experiments)).fitted({})


INPUTS = {
    f"{package.__name__}.objective.NextToken.__call__": batch,
    **training_inputs(experiment, batch),
}
