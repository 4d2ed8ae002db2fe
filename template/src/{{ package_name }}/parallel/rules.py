"""The one table that says what is sharded over what.

Parameters and activations carry the names of their dimensions (`numerics.shapes`); the table maps
such a name to an axis of the mesh. A name that is absent is replicated.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import jax
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, PyTree

from ..errors import UserError
from .mesh import MeshSettings, get_sharding_spec

WEIGHT_RULES = dict.fromkeys(["num_heads", "num_kv_heads", "d_ff", "vocab_size"], "model")
ACTIVATION_RULES = {**WEIGHT_RULES, "batch": "data"}
FIXED = {"num_kv_heads", "vocab_size"}
"""Dimensions that one is not free to choose: few heads have keys, and vocabularies are odd."""
FSDP_RULES = {**WEIGHT_RULES, "d_model": "data"}


def weight_rules(settings: MeshSettings) -> Mapping[str, str]:
    """The table for weights: FSDP spreads them, and what an optimizer keeps, over ``data`` too."""
    return FSDP_RULES if settings.fsdp else WEIGHT_RULES


def axes_of(
    names: Sequence[str], sizes: Sequence[Any], rules: Mapping[str, str], parts: Mapping[str, int]
) -> list[str | None]:
    """The axis of the mesh that each dimension of an array lies on.

    What a published model has fixed, `FIXED`, is replicated where the axis does not divide it.

    Args:
        names: Names of the dimensions.
        sizes: Their sizes; that of a batch may be a symbol, in an export.
        rules: The table.
        parts: Size of each axis of the mesh.
    """
    axes = [rules.get(name) for name in names]
    return [
        None if axis and name in FIXED and size % parts[axis] else axis
        for name, size, axis in zip(names, sizes, axes, strict=True)
    ]


def constrain(x: Float[Array, "..."], *dimensions: str) -> Float[Array, "..."]:
    """Fix the sharding of an activation inside a compiled function.

    Without such fixed points XLA may choose to replicate the batch when weights are sharded over
    ``data``. Outside a mesh (`jax.set_mesh`) it does nothing, so a model runs anywhere.

    Args:
        x: An activation.
        *dimensions: Names of its dimensions, one an axis.
    """
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return x
    axes = axes_of(dimensions, x.shape, ACTIVATION_RULES, mesh.shape)
    return jax.lax.with_sharding_constraint(x, PartitionSpec(*axes))


def weight_shardings(params: nnx.State, mesh: Mesh, settings: MeshSettings) -> PyTree:
    """Shardings of parameters, by the dimension names that each was declared with.

    Args:
        params: Parameters (concrete or abstract) with ``out_sharding`` metadata.
        mesh: The mesh.
        settings: Says whether weights are spread over ``data`` too.

    Returns:
        Nested dictionaries like ``nnx.to_pure_dict(params)`` with a `NamedSharding` each.

    Raises:
        UserError: A dimension is not divisible by its mesh axis.
    """
    rules = weight_rules(settings)
    shardings = {}
    for path, variable in nnx.to_flat_state(params):
        dimensions: Any = variable.get_metadata().get("out_sharding") or ("",) * len(variable.shape)
        axes = axes_of(dimensions, variable.shape, rules, mesh.shape)
        for name, size, axis in zip(dimensions, variable.shape, axes, strict=True):
            if axis is not None and size % mesh.shape[axis]:
                raise UserError(
                    f"mesh.{axis}: {mesh.shape[axis]} does not divide {name}={size} "
                    f"of parameter {'.'.join(map(str, path))}"
                )
            if axis is None and name in rules:
                warnings.warn(
                    f"mesh.{rules[name]}: {mesh.shape[rules[name]]} does not divide {name}={size}, "
                    "so that each of its devices holds all of it",
                    stacklevel=2,
                )
        shardings[path] = get_sharding_spec(mesh, axes)
    return nnx.traversals.unflatten_mapping(shardings)


def shardings_like(tree: PyTree, params: PyTree, shardings: PyTree, mesh: Mesh) -> PyTree:
    """Shardings of arrays that go with parameters, such as an optimizer's state.

    An array goes with the parameter whose path stands in its own, or else with those of its shape.
    It takes their sharding if it is shaped like them. What has an axis more in front, such as a
    history, or one fewer, such as a factored moment, takes that of the axes they share. All others
    are replicated, and so is what is not certain.

    Args:
        tree: Arrays, or their shapes.
        params: Parameters, or their shapes.
        shardings: Shardings of the parameters.
        mesh: The mesh.
    """
    pairs = zip(jax.tree.leaves_with_path(params), jax.tree.leaves(shardings), strict=True)
    known = {_names(path): (param.shape, tuple(to.spec)) for (path, param), to in pairs}

    def place(path: tuple[Any, ...], leaf: Any) -> NamedSharding:
        names, shape = _names(path), tuple(leaf.shape)
        spans = [names[i:j] for i, j in combinations(range(len(names) + 1), 2)]
        own = max((span for span in spans if span in known), key=len, default=None)
        if own is None:
            specs = {spec for size, spec in known.values() if size == shape}
        else:
            specs = set(_alike(shape, *known[own]))
        return get_sharding_spec(mesh, specs.pop() if len(specs) == 1 else ())

    return jax.tree.map_with_path(place, tree)


def _names(path: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(jax.tree_util.keystr((key,), simple=True) for key in path)


def _alike(
    shape: tuple[int, ...], param: tuple[int, ...], spec: tuple[Any, ...]
) -> Iterator[tuple[Any, ...]]:
    """Ways to lay out an array of `shape` like a parameter: none, one, or several."""
    more = len(shape) - len(param)
    if more > 0 and shape[more:] == param:
        yield (None,) * more + spec
    for axes in combinations(range(len(param)), len(shape)):
        if tuple(param[axis] for axis in axes) == shape:
            yield tuple(spec[axis] for axis in axes)


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Sharding of every array of a batch: examples over ``data``."""
    return get_sharding_spec(mesh, ("data",))


def put_batch(batch: dict[str, Any], sharding: NamedSharding) -> dict[str, jax.Array]:
    """Assemble the global batch from each process's share: ``[batch / processes, ...]`` arrays.

    Those that are JAX's own are global already.
    """
    return {
        name: array
        if isinstance(array, jax.Array)
        else jax.make_array_from_process_local_data(sharding, array)
        for name, array in batch.items()
    }
