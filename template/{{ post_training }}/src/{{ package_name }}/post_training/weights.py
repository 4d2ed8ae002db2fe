"""Weights to start from: those of a run of this project, or of one that trains a language model."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax.nnx.traversals import flatten_mapping, unflatten_mapping
from jaxtyping import PyTree
from orbax.checkpoint import v1 as ocp

from ..errors import UserError
from ..parallel.mesh import get_sharding_spec
from .lora import merge_weights

_FOLDERS = ("checkpoints", "")
"""Where the checkpoints of a run lie; a folder of checkpoints may be named itself."""


def load_weights(path: Path, field: str, like: PyTree) -> PyTree:
    """The weights of a run's newest checkpoint, each read to where it belongs.

    Args:
        path: The folder of the run, or that of its checkpoints.
        field: The field of the configuration that names it, for errors.
        like: Shapes, dtypes and shardings of the weights.

    Raises:
        UserError: There is no checkpoint, or it is none of such a model.
    """
    saved = _saved(path, field)
    everywhere = get_sharding_spec(jax.tree.leaves(like)[0].sharding.mesh, ())
    targets = union(like, {"base": like}) if "base" in saved["variables"] else like

    def target(tree: PyTree, like: PyTree) -> PyTree:
        if isinstance(tree, dict):
            return {
                name: target(part, like.get(name, {}) if isinstance(like, dict) else {})
                for name, part in tree.items()
            }
        same = isinstance(like, jax.ShapeDtypeStruct | jax.Array) and like.shape == tree.shape
        dtype, sharding = (like.dtype, like.sharding) if same else (tree.dtype, everywhere)
        return jax.ShapeDtypeStruct(tree.shape, dtype, sharding=sharding)

    read = _read(path, field, {part: target(tree, targets) for part, tree in saved.items()})
    return fit_weights(_merged(read), like, f"{field}: {path}")


def is_rounded(path: Path, field: str) -> bool:
    """Whether the weights of a run's newest checkpoint are bfloat16, as published ones mostly are.

    Of a run with LoRA those count that it leaves as they are.

    Raises:
        UserError: There is no checkpoint, or it is none of a model.
    """
    saved = _saved(path, field)
    weights = saved["variables"].get("base") or saved
    return {leaf.dtype.name for leaf in jax.tree.leaves(weights)} == {"bfloat16"}


def _merged(read: dict[str, PyTree]) -> PyTree:
    weights = union(read["params"], read["variables"])  # frozen ones are among the variables
    if "base" in weights:
        weights = merge_weights(weights["base"], weights["factors"], weights["scale"])
    return weights


def _saved(path: Path, field: str) -> dict[str, PyTree]:
    """Shapes and dtypes of ``params`` and ``variables``."""
    with _problems_of(path, field):
        folder = str(_newest(path, field))
        saved: Any = ocp.checkpointables_metadata(folder).metadata["state"]
        return {part: saved[part] for part in ("params", "variables")}


def _read(path: Path, field: str, like: dict[str, PyTree]) -> dict[str, PyTree]:
    context = ocp.Context()
    context.pytree_options.loading.partial_load = True  # what the optimizer remembers stays there
    with _problems_of(path, field), context:
        return ocp.load_checkpointables(str(_newest(path, field)), {"state": like})["state"]


@contextlib.contextmanager
def _problems_of(path: Path, field: str) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # damage to a file can surface as anything
        raise UserError(f"{field}: {path} holds no weights of a model: {error}") from error


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
