"""Weights to start from: those of a run of this project, or of one that trains a language model."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.nnx.traversals import flatten_mapping, unflatten_mapping
from jaxtyping import PyTree
from orbax.checkpoint import v1 as ocp

from ..errors import UserError
from .lora import merge_weights

_FOLDERS = ("checkpoints", "")
"""Where the checkpoints of a run lie; a folder of checkpoints may be named itself."""


def read_weights(path: Path, field: str) -> PyTree:
    """The float32 weights of a run's newest checkpoint, on the host, LoRA merged.

    Nothing of the other run is needed but its checkpoints: neither its configuration nor the code
    of its project.

    Args:
        path: The folder of the run, or that of its checkpoints.
        field: The field of the configuration that names it, for errors.

    Raises:
        UserError: There is no checkpoint, or it is none of a model.
    """
    read = read_model(path, field)
    weights = union(read["params"], read["variables"])  # frozen ones are among the variables
    if "base" in weights:
        weights = merge_weights(weights["base"], weights["factors"], weights["scale"])
    return jax.device_get(weights)


def read_model(path: Path, field: str) -> dict[str, PyTree]:
    """What `read_weights` reads, before LoRA is merged: ``params`` and ``variables``.

    Raises:
        UserError: There is no checkpoint, or it is none of a model.
    """
    folder = str(_newest(path, field))
    context = ocp.Context()
    context.pytree_options.loading.partial_load = True  # what the optimizer remembers stays there
    try:
        with context:
            saved: Any = ocp.checkpointables_metadata(folder).metadata["state"]
            # As numpy arrays, whatever devices they were saved on.
            like = {
                part: jax.tree.map(lambda leaf: np.empty(leaf.shape, leaf.dtype), saved[part])
                for part in ("params", "variables")
            }
            return ocp.load_checkpointables(folder, {"state": like})["state"]
    except Exception as error:  # damage to a file can surface as anything
        raise UserError(f"{field}: {folder} holds no weights of a model: {error}") from error


def fit_weights(weights: PyTree, like: PyTree, source: str) -> PyTree:
    """Weights laid out like others.

    Args:
        weights: Nested dictionaries of arrays.
        like: Arrays, or their shapes, dtypes and shardings, as the model asks for them.
        source: Where the weights come from, for errors.

    Raises:
        UserError: They are those of another model; the message says where they differ.
    """
    has, needs = (
        {".".join(map(str, path)): leaf.shape for path, leaf in flatten_mapping(tree).items()}
        for tree in (weights, like)
    )
    for name in sorted(has.keys() | needs.keys()):
        if has.get(name) != needs.get(name):
            raise UserError(
                f"{source} is of another model: its {name} is {has.get(name)}, this one's "
                f"{needs.get(name)}; set the model to what that run's config.txt says"
            )
    return jax.tree.map(
        lambda leaf, to: jax.device_put(jnp.asarray(leaf, to.dtype), to.sharding), weights, like
    )


def union(one: PyTree, other: PyTree) -> PyTree:
    """All arrays of two nested dictionaries; those of `other` where both have one."""
    return unflatten_mapping({**flatten_mapping(one), **flatten_mapping(other)})


def select(tree: PyTree, like: PyTree) -> PyTree:
    """The arrays of a nested dictionary whose places `like` has as well."""
    flat = flatten_mapping(tree)
    return unflatten_mapping({path: flat[path] for path in flatten_mapping(like) if path in flat})


def _newest(path: Path, field: str) -> Path:
    for folder in (path / name for name in _FOLDERS):
        steps = [int(each.name) for each in folder.glob("*") if each.name.isdigit()]
        if steps:
            return folder.absolute() / str(max(steps))
    raise UserError(
        f"{field}: {path} holds no checkpoint; train that run first, or set {field} to another's "
        "folder"
    )
