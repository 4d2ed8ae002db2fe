"""Inputs that `tools/jaxcheck.pyz trace` cannot make up: arguments of functions, by their names.

Arrays stand as `jax.ShapeDtypeStruct`; what is missing here is made up from the signature.
"""

from typing import Any

import jax
from flax import nnx

from .project import configuration, experiments, package, training
from .traced import training_inputs

SHAPE, CLASSES = (8, 8, 1), [str(digit) for digit in range(10)]
ROWS = {"labels": "int32", "weights": "float32"}


def experiment() -> training.experiment.Experiment:
    """An experiment that knows its data."""
    smoke = configuration.build(configuration.compose(["config:smoke"], experiments))
    return smoke.fitted({"kind": "image", "shape": list(SHAPE), "classes": CLASSES})


def images() -> dict[str, Any]:
    """A batch of images."""
    return {"images": jax.ShapeDtypeStruct((16, *SHAPE), "float32")}


def batch() -> dict[str, Any]:
    """What an objective needs: a model, and a batch as `data.py` makes it."""
    fitted = experiment()
    rows = {name: jax.ShapeDtypeStruct((16,), kind) for name, kind in ROWS.items()}
    built = nnx.eval_shape(lambda: fitted.model.build(rngs=nnx.Rngs(0), precision=fitted.precision))
    return {"model": built, "batch": {**images(), **rows}}


SETTINGS = type(experiment().model).__name__
NETWORK = SETTINGS.removesuffix("Settings")
LOSS = type(experiment().objective).__name__

INPUTS = {
    f"{package.__name__}.model.{SETTINGS}": lambda: experiment().model,
    f"{package.__name__}.model.{NETWORK}.__call__": images,
    f"{package.__name__}.objective.{LOSS}.__call__": batch,
    **training_inputs(experiment, batch),
}
