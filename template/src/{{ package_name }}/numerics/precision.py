"""The precision policy: which numbers are bfloat16 and which are float32."""

from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from ..settings import Settings

Dtype = Literal["bfloat16", "float32"]


class Precision(Settings):
    """One policy for the whole program.

    Matrix products take operands of `compute_dtype` and accumulate in `accumulator_dtype`. Losses,
    softmax, norms, gradient accumulation, Adam's moments and the master copy of the weights are
    float32 whatever the policy says, because bfloat16 (8 bits of mantissa) loses updates that are
    smaller than 1/256 of a weight.
    """

    param_dtype: Dtype = "bfloat16"
    compute_dtype: Dtype = "bfloat16"
    accumulator_dtype: Literal["float32"] = "float32"

    @property
    def dot_precision(self) -> jax.lax.Precision:
        """Float32 products are really float32, on devices that would use fewer bits too."""
        highest = self.compute_dtype == "float32"
        return jax.lax.Precision.HIGHEST if highest else jax.lax.Precision.DEFAULT


FLOAT32 = Precision(param_dtype="float32", compute_dtype="float32")


def cast_floating(tree: PyTree, dtype: Dtype) -> PyTree:
    """Cast every floating-point leaf of `tree`; keys and integers stay as they are."""

    def cast(leaf: Array) -> Array:
        return leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(cast, tree)
