"""Exported models: one function with its weights, for programs that know nothing of this one.

``model.stablehlo`` is what `jax.export` serialises; any batch size and each of the platforms below
can call it. ``signature.json`` says for people and programs what goes in and what comes out.
"""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ..errors import UserError
from ..files import write_atomically
from ..storage.run_directory import RunDirectory
from .program import Program
from .state import TrainState

MODEL = "model.stablehlo"
SIGNATURE = "signature.json"
PLATFORMS = ("cpu", "cuda", "tpu")


def export(program: Program, state: TrainState, step: int, folder: Path, run: RunDirectory) -> None:
    """Export the prediction of an experiment with the weights of a state as constants.

    It takes any batch size. What the run says of its data set, how inputs are normalised and what
    classes the outputs stand for, is laid beside it, if the run has that.

    Args:
        program: The program; its experiment has a prediction.
        state: The state.
        step: The step of the run that it is from.
        folder: Made if it is not there.
        run: The folder of the run.

    Raises:
        UserError: The experiment has no prediction, or the files cannot be written.
    """
    prediction = program.prediction
    specs = prediction.input_specs(program.experiment.data)
    (batch,) = jax.export.symbolic_shape("batch")
    inputs = {name: spec.update(shape=(batch, *spec.shape)) for name, spec in specs.items()}
    graphdef, weights = nnx.split(program.model(state))
    # How the weights lie on the devices of this machine is nobody else's business.
    weights = jax.tree.map(jnp.asarray, jax.device_get(weights))

    def predict(inputs: dict[str, jax.Array]) -> dict[str, jax.Array]:
        return prediction(nnx.merge(graphdef, weights), inputs)

    exported = jax.export.export(jax.jit(predict), platforms=PLATFORMS)(inputs)
    outputs = jax.tree.unflatten(exported.out_tree, exported.out_avals)
    signature = {
        "format": f"jax.export, calling convention {exported.calling_convention_version}",
        "platforms": list(exported.platforms),
        "inputs": _describe(inputs),
        "outputs": _describe(outputs),
        "run": str(run.path),
        "step": step,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / MODEL, bytes(exported.serialize()))
        # What JSON does not know, the size of a batch and dtypes, is written as text.
        write_atomically(folder / SIGNATURE, json.dumps(signature, indent=2, default=str) + "\n")
        if run.data_set.exists():
            write_atomically(folder / run.data_set.name, run.data_set.read_bytes())
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error


def _describe(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: {"shape": array.shape, "dtype": array.dtype} for name, array in arrays.items()}
