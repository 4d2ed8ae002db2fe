"""Weights to start from: those of a run of this project, or of one that trains a language model."""

from pathlib import Path

import jax
from jaxtyping import PyTree

from ..training.weights import fit_weights, read_weights, saved_weights, union
from .lora import merge_weights


def load_weights(path: Path, field: str, like: PyTree) -> PyTree:
    """The weights of a run's newest checkpoint, LoRA merged, each read to where it belongs.

    Args:
        path: The folder of the run, or that of its checkpoints.
        field: The field of the configuration that names it, for errors.
        like: Shapes, dtypes and shardings of the weights.

    Raises:
        UserError: There is no checkpoint, or it is none of such a model.
    """
    weights = read_weights(path, field, union(like, {"base": like}))
    if "base" in weights:
        weights = merge_weights(weights["base"], weights["factors"], weights["scale"])
    return fit_weights(weights, like, f"{field}: {path}")


def is_rounded(path: Path, field: str) -> bool:
    """Whether the weights of a run's newest checkpoint are bfloat16, as published ones mostly are.

    Of a run with LoRA those count that it leaves as they are.

    Raises:
        UserError: There is no checkpoint, or it is none of a model.
    """
    saved = saved_weights(path, field)
    weights = saved["variables"].get("base") or saved
    return {leaf.dtype.name for leaf in jax.tree.leaves(weights)} == {"bfloat16"}
