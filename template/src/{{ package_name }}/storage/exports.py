"""Exported models: one function with its weights, for programs that know nothing of this one.

``model.stablehlo`` is what `jax.export` serialises; any batch size and each of the platforms below
can call it. ``signature.json`` says for people and programs what goes in and what comes out.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from ..errors import UserError
from ..files import write_atomically

MODEL = "model.stablehlo"
SIGNATURE = "signature.json"
PLATFORMS = ("cpu", "cuda", "tpu")


def write_export(
    folder: Path,
    function: Callable[[Any, dict[str, jax.Array]], dict[str, jax.Array]],
    model: nnx.Module,
    specs: dict[str, jax.ShapeDtypeStruct],
    data_record: Path,
    **origin: str | int,
) -> None:
    """Export ``function(model, inputs)`` with the model's weights as constants.

    Args:
        folder: Made if it is not there.
        function: Predictions of a batch; it is traced with a symbolic batch size.
        model: The model.
        specs: The inputs by name, without their leading axis ``batch``.
        data_record: What the run says of its data set: how inputs are normalised, and what classes
            the outputs stand for. It is laid beside the model, if the run has one.
        **origin: Where the model comes from; kept in the signature.

    Raises:
        UserError: The files cannot be written.
    """
    (batch,) = jax.export.symbolic_shape("batch")
    inputs = {
        name: jax.ShapeDtypeStruct((batch, *spec.shape), spec.dtype) for name, spec in specs.items()
    }
    graphdef, state = nnx.split(model)
    # How the weights lie on the devices of this machine is nobody else's business.
    weights = jax.tree.map(jnp.asarray, jax.device_get(state))

    def predict(inputs: dict[str, jax.Array]) -> dict[str, jax.Array]:
        return function(nnx.merge(graphdef, weights), inputs)

    exported = jax.export.export(jax.jit(predict), platforms=PLATFORMS)(inputs)
    outputs = jax.tree.unflatten(exported.out_tree, exported.out_avals)
    signature = {
        "format": f"jax.export, calling convention {exported.calling_convention_version}",
        "platforms": list(exported.platforms),
        "inputs": _describe(inputs),
        "outputs": _describe(outputs),
        **origin,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / MODEL, bytes(exported.serialize()))
        # What JSON does not know, the size of a batch and dtypes, is written as text.
        write_atomically(folder / SIGNATURE, json.dumps(signature, indent=2, default=str) + "\n")
        if data_record.exists():
            write_atomically(folder / data_record.name, data_record.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"cannot write {folder}: {error.strerror}") from error


def _describe(arrays: dict[str, Any]) -> dict[str, Any]:
    return {name: {"shape": array.shape, "dtype": array.dtype} for name, array in arrays.items()}
