"""Weights from a folder's files, put where they belong on the mesh as they are read."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, PyTree, Shaped

from ..errors import UserError
from ..training.groups import map_with_path
from .family import Family
from .folder import ModelFolder
from .names import IDLE_TENSORS, AnyArray, Index, Tensor


def read_weights(folder: ModelFolder, family: Family, like: PyTree) -> PyTree:
    """The weights of a model.

    Every process reads the parts that its devices hold, one parameter after the other, a layer at a
    time: a host needs room for what it holds of one parameter.

    Args:
        folder: The folder.
        family: What its tensors are called.
        like: Shapes, dtypes and shardings of the model's parameters, nested dictionaries.

    Raises:
        UserError: A tensor is missing, or there is one too many, or its shape is another.
    """
    check_tensors(folder, family, like)

    def read(path: str, leaf: jax.ShapeDtypeStruct) -> Shaped[Array, "..."]:
        parts: dict[tuple[tuple[int, int, int], ...], AnyArray] = {}

        def part(index: Index | None) -> AnyArray:  # devices that hold the same share it
            places = index or ()
            key = tuple(axis.indices(size) for axis, size in zip(places, leaf.shape, strict=True))
            if key not in parts:
                parts[key] = _read(folder, family.tensor(path), leaf, places)
            return parts[key]

        return jax.make_array_from_callback(leaf.shape, leaf.sharding, part)

    return map_with_path(read, like)


def check_tensors(folder: ModelFolder, family: Family, like: PyTree) -> None:
    """Compare the tensors of a folder with a model's parameters.

    Raises:
        UserError: They differ; the message names the first one, and says how many there are.
    """
    needed = {
        name: tensor.shape(leaf.shape[tensor.stacked :])
        for name, (leaf, tensor, _) in tensors_of(family, like).items()
    }
    idle = (*IDLE_TENSORS, *(() if "unembedding" in like else ("lm_head.weight",)))
    there = {name for name in folder.shapes if not name.endswith(idle)}
    missing, more = sorted(needed.keys() - there), sorted(there - needed.keys())
    for what, names in (("lacks", missing), ("has, beyond what its config.json says,", more)):
        if names:
            others = f" and {len(names) - 1} others" if len(names) > 1 else ""
            raise UserError(f"{folder.path} {what} tensor {names[0]}{others}")
    for name, shape in needed.items():
        if folder.shapes[name] != shape:
            raise UserError(
                f"{folder.path}: tensor {name} is {folder.shapes[name]}, by its config.json {shape}"
            )


class Placed(NamedTuple):
    """What a tensor of a file is made of.

    Attributes:
        leaf: Our parameter, or what is known of it.
        tensor: How it lies in a file.
        layer: The layer whose part it is, where there are such.
    """

    leaf: Any
    tensor: Tensor
    layer: int


def tensors_of(family: Family, weights: PyTree) -> dict[str, Placed]:
    """The tensors of a model's parameters by their names.

    Raises:
        UserError: A parameter has none.
    """
    found: dict[str, Placed] = {}

    def place(path: str, leaf: Any) -> None:
        tensor = family.tensor(path)
        for layer, name in enumerate(tensor.names(leaf.shape)):
            found[name] = Placed(leaf, tensor, layer)

    map_with_path(place, weights)
    return found


def _read(folder: ModelFolder, tensor: Tensor, leaf: Any, index: Index) -> AnyArray:
    """A part of a parameter, in its dtype."""
    shape = [len(range(size)[axis]) for axis, size in zip(index, leaf.shape, strict=True)]
    made = np.empty(shape, leaf.dtype)
    names, layers = tensor.names(leaf.shape), [made]
    if tensor.stacked:
        names, layers, index, shape = names[index[0]], list(made), index[1:], shape[1:]
    ours = leaf.shape[tensor.stacked :]
    for name, layer in zip(names, layers, strict=True):
        layer[...] = tensor.ours(folder.read(name, tensor.part(ours, index)), shape)
    return made
