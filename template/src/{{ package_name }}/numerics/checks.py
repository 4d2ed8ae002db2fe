"""Numerical checks on concrete arrays, for the host.

Inside a compiled function there is nothing to return early from; the training step uses in-graph
flags instead (`training.safety`).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from .result import Err, NumericalError, Ok, Result


def check_finite(tree: PyTree, operation: str) -> Result[None, NumericalError]:
    """Check that no floating-point leaf of `tree` holds NaN or infinity.

    Args:
        tree: Arrays or numbers; they are brought to the host one by one.
        operation: What they come from, for the error.

    Returns:
        ``Ok(None)``, or an ``Err`` that names the first bad leaf and counts its bad entries.
    """
    for path, leaf in jax.tree.leaves_with_path(tree):
        if not jnp.issubdtype(getattr(leaf, "dtype", type(leaf)), jnp.floating):
            continue  # such as a random key, which is no array of numpy's
        array = np.asarray(jax.device_get(leaf))
        nans, infinities = int(np.isnan(array).sum()), int(np.isinf(array).sum())
        if nans or infinities:
            where = jax.tree_util.keystr(path, simple=True, separator=".")
            context = {"nan_count": nans, "inf_count": infinities, "size": array.size}
            reason = f"NaN or Inf in {where or 'the array'}"
            return Err(NumericalError(operation, reason, context))
    return Ok(None)
