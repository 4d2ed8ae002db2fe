"""Weights from files, put where they belong on the mesh as they are read."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Array, PyTree, Shaped

from ..errors import UserError
from ..training.groups import map_with_path
from .tensor_files import TensorFiles
from .tensors import AnyArray, Index, Tensor


@runtime_checkable
class Names(Protocol):
    """What the tensors of a model's parameters are called."""

    @property
    def told(self) -> str:
        """What says which tensors there are, and a verb, for errors."""
        ...

    def tensor(self, parameter: str) -> Tensor:
        """The tensor, or a layer's each, that the parameter at a dotted path is stored as.

        Raises:
            UserError: There is none.
        """
        ...


def read_weights(files: TensorFiles, names: Names, like: PyTree) -> PyTree:
    """The weights of a model.

    Every process reads the parts that its devices hold, one parameter after the other, a layer at a
    time: a host needs room for what it holds of one parameter.

    Args:
        files: The files.
        names: What their tensors are called.
        like: Shapes, dtypes and shardings of the model's parameters, nested dictionaries.

    Raises:
        UserError: A tensor is missing, or there is one too many, or its shape is another.
    """
    check_tensors(files, names, like)

    def read(path: str, leaf: jax.ShapeDtypeStruct) -> Shaped[Array, "..."]:
        parts: dict[tuple[tuple[int, int, int], ...], AnyArray] = {}

        def part(index: Index | None) -> AnyArray:  # devices that hold the same share it
            places = index or ()
            key = tuple(axis.indices(size) for axis, size in zip(places, leaf.shape, strict=True))
            if key not in parts:
                parts[key] = _read(files, names.tensor(path), leaf, places)
            return parts[key]

        return jax.make_array_from_callback(leaf.shape, leaf.sharding, part)

    return map_with_path(read, like)


def check_tensors(files: TensorFiles, names: Names, like: PyTree) -> None:
    """Compare the tensors of files with a model's parameters.

    Raises:
        UserError: They differ; the message names the first one, and says how many there are.
    """
    needed = {
        name: tensor.shape(leaf.shape[tensor.stacked :])
        for name, (leaf, tensor, _) in tensors_of(names, like).items()
    }
    missing = sorted(needed.keys() - files.shapes.keys())
    more = sorted(files.shapes.keys() - needed.keys())
    for what, found in (("lacks", missing), (f"has, beyond what {names.told},", more)):
        if found:
            others = f" and {len(found) - 1} others" if len(found) > 1 else ""
            raise UserError(f"{files.path} {what} tensor {found[0]}{others}")
    for name, shape in needed.items():
        if files.shapes[name] != shape:
            raise UserError(
                f"{files.path}: tensor {name} is {files.shapes[name]}, where {names.told} {shape}"
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


def tensors_of(names: Names, weights: PyTree) -> dict[str, Placed]:
    """The tensors of a model's parameters by their names.

    Raises:
        UserError: A parameter has none.
    """
    found: dict[str, Placed] = {}

    def place(path: str, leaf: Any) -> None:
        tensor = names.tensor(path)
        for layer, name in enumerate(tensor.names(leaf.shape)):
            found[name] = Placed(leaf, tensor, layer)

    map_with_path(place, weights)
    return found


def _read(files: TensorFiles, tensor: Tensor, leaf: Any, index: Index) -> AnyArray:
    """A part of a parameter, in its dtype."""
    shape = [len(range(size)[axis]) for axis, size in zip(index, leaf.shape, strict=True)]
    made = np.empty(shape, leaf.dtype)
    found, layers = tensor.names(leaf.shape), [made]
    if tensor.stacked:
        found, layers, index = found[index[0]], list(made), index[1:]
    ours = leaf.shape[tensor.stacked :]
    for name, layer in zip(found, layers, strict=True):
        layer[...] = tensor.ours(files.read(name, tensor.part(ours, index)), ours, index)
    return made
