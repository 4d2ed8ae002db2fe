"""Weights of another run: those of its newest checkpoint, each read to where it belongs.

Only the checkpoint is needed, and of it only the weights: neither the other run's configuration nor
the code of its project.
"""

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
from ..storage.retention import saved_steps

_FOLDERS = ("checkpoints", "")
"""Where the checkpoints of a run lie; a folder of checkpoints may be named itself."""


def read_weights(path: Path, field: str, like: PyTree) -> PyTree:
    """All arrays of the model in a run's newest checkpoint, trained or not.

    Args:
        path: The folder of the run, or that of its checkpoints.
        field: The field of the configuration that names it, for errors.
        like: Shapes, dtypes and shardings; what is not there, or has another shape, is read as it
            was saved, to all devices.

    Raises:
        UserError: There is no checkpoint, or it is none of a model.
    """
    everywhere = get_sharding_spec(jax.tree.leaves(like)[0].sharding.mesh, ())

    def target(tree: PyTree, like: PyTree) -> PyTree:
        if isinstance(tree, dict):
            parts = like if isinstance(like, dict) else {}
            names = {str(name): name for name in parts}  # Orbax knows no numbers as names
            return {
                names.get(name, name): target(part, parts.get(names.get(name), {}))
                for name, part in tree.items()
            }
        same = isinstance(like, jax.ShapeDtypeStruct | jax.Array) and like.shape == tree.shape
        dtype, sharding = (like.dtype, like.sharding) if same else (tree.dtype, everywhere)
        return jax.ShapeDtypeStruct(tree.shape, dtype, sharding=sharding)

    saved = saved_weights(path, field)
    context = ocp.Context()
    context.pytree_options.loading.partial_load = True  # what the optimizer remembers stays there
    with _problems_of(path, field), context:
        targets: Any = {"state": {part: target(tree, like) for part, tree in saved.items()}}
        read: Any = ocp.load_checkpointables(str(_newest(path, field)), targets)["state"]
    return union(read["params"], read["variables"])  # frozen ones are among the variables


def saved_weights(path: Path, field: str) -> dict[str, PyTree]:
    """Shapes and dtypes of ``params`` and ``variables`` in a run's newest checkpoint.

    Raises:
        UserError: There is no checkpoint, or it is none of a model.
    """
    with _problems_of(path, field):
        folder = str(_newest(path, field))
        saved: Any = ocp.checkpointables_metadata(folder).metadata["state"]
        return {part: saved[part] for part in ("params", "variables")}


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
        if steps := saved_steps(folder):
            return folder.absolute() / str(steps[-1])
    raise UserError(
        f"{field}: {path} holds no checkpoint; train that run first, or set {field} to another's "
        "folder"
    )
