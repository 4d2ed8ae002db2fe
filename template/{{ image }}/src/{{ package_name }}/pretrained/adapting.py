"""Weights of a model of images for one that differs in what follows from the data."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from ..errors import UserError


class Adapted(NamedTuple):
    """Weights that fit.

    Attributes:
        weights: All of them.
        notes: What was changed, in words.
    """

    weights: PyTree
    notes: list[str]


def replace_head(weights: PyTree, like: PyTree) -> Adapted:
    """Replace the head of weights for another number of classes; for the same it is kept.

    The new one is zero, so that at first each class is as likely as another.

    Args:
        weights: The weights, with ``head``, (features, classes), and ``bias``.
        like: Shapes and dtypes of the model's.
    """
    if not _alike(weights, like, "head", axis=0):
        return Adapted(weights, [])
    old, new = weights["head"].shape, like["head"].shape
    if old == new:
        return Adapted(weights, [f"its head for {new[1]} classes is kept"])
    fresh = {name: jnp.zeros(like[name].shape, like[name].dtype) for name in ("head", "bias")}
    note = f"its head for {old[1]} classes is replaced by a new one for {new[1]}"
    return Adapted({**weights, **fresh}, [note])


def resize_positions(
    weights: PyTree, like: PyTree, grid: tuple[int, int], others: int = 0
) -> Adapted:
    """Interpolate the position embeddings of square images for images of another size.

    They are a picture of a row and a column for each patch, which is scaled (bicubic, antialiased).

    Args:
        weights: The weights, with ``positions``, (positions, features).
        like: Shapes and dtypes of the model's.
        grid: How many patches the model has downwards and across.
        others: Positions of tokens that are no patches, which come first and stay as they are.

    Raises:
        UserError: The patches of the weights make no square.
    """
    if not _alike(weights, like, "positions", axis=1):
        return Adapted(weights, [])
    old = weights["positions"]
    if old.shape == like["positions"].shape:
        return Adapted(weights, [])
    side = math.isqrt(old.shape[0] - others)
    if side**2 != old.shape[0] - others:
        raise UserError(
            f"start_from: its {old.shape[0] - others} positions make no square, so they cannot be "
            "fitted to images of another size: prepare images of the size that it was trained on"
        )
    first, rest = old[:others], old[others:].reshape(side, side, -1).astype(jnp.float32)
    scaled = jax.image.resize(rest, (*grid, old.shape[1]), "cubic").reshape(-1, old.shape[1])
    resized = jnp.concatenate([first, scaled.astype(old.dtype)])
    note = f"its positions of {side} by {side} patches are interpolated to {grid[0]} by {grid[1]}"
    return Adapted({**weights, "positions": resized}, [note])


def _alike(weights: PyTree, like: PyTree, name: str, *, axis: int) -> bool:
    """Whether both have a matrix with one axis in common; else a model differs in more than that.

    What then is wrong is said where the weights are compared with the model.
    """
    old, new = weights.get(name), like.get(name)
    return old is not None and new is not None and old.shape[axis] == new.shape[axis]
