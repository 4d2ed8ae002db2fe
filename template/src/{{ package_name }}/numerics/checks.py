"""Numerical checks on concrete arrays, for the host: debugging, tests and reports.

Inside a compiled function there is nothing to return early from; the training step uses in-graph
flags instead (`training.safety`).
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from .result import Err, NumericalError, Ok, Result


def check_finite(tree: PyTree, operation: str) -> Result[None, NumericalError]:
    """Check that no floating-point leaf of `tree` holds NaN or infinity.

    Returns:
        ``Ok(None)``, or an ``Err`` that names the first bad leaf and counts its bad entries.
    """
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.asarray(jax.device_get(leaf))
        if not jnp.issubdtype(array.dtype, jnp.floating):
            continue
        nans, infinities = _count_bad(array)
        if nans or infinities:
            where = jax.tree_util.keystr(path, simple=True, separator=".")
            context = {"nan_count": nans, "inf_count": infinities, "size": array.size}
            reason = f"NaN or Inf in {where or 'the array'}"
            return Err(NumericalError(operation, reason, context))
    return Ok(None)


def safe_softmax(
    logits: Float[Array, "*batch vocab_size"],
) -> Result[Float[Array, "*batch vocab_size"], NumericalError]:
    """Softmax over the last axis, computed in float32 and returned in the dtype of `logits`.

    Returns:
        ``Ok(probabilities)``, or ``Err`` where an input is NaN or infinite.
    """
    checked = check_finite(logits, "softmax")
    if isinstance(checked, Err):
        return checked
    probabilities = jax.nn.softmax(logits.astype(jnp.float32), axis=-1)
    return Ok(probabilities.astype(logits.dtype))


def check_gradient_norms(
    grads: Mapping[str, Any], threshold: float = 100.0
) -> Result[None, NumericalError]:
    """Check the gradient norm of each top-level module.

    Args:
        grads: Gradients by module name; the values are arrays or trees of them.
        threshold: Largest norm that passes.

    Returns:
        ``Ok(None)``, or an ``Err`` that names the module whose norm is not finite or the largest.
    """
    norms = {name: _norm(tree) for name, tree in grads.items()}
    for name, norm in norms.items():
        if not np.isfinite(norm):
            return Err(NumericalError("gradient_check", f"NaN or Inf gradient in {name}"))
    worst = max(norms, key=norms.__getitem__, default=None)
    if worst is not None and norms[worst] > threshold:
        context = {"max_norm": norms[worst], "param_name": worst, "threshold": threshold}
        return Err(NumericalError("gradient_check", "Exploding gradient detected", context))
    return Ok(None)


def _norm(tree: PyTree) -> float:
    leaves = (np.asarray(jax.device_get(leaf), np.float64) for leaf in jax.tree.leaves(tree))
    return float(np.sqrt(sum(np.sum(np.square(leaf)) for leaf in leaves)))


def _count_bad(array: np.ndarray) -> tuple[int, int]:
    wide = array.astype(np.float32)
    return int(np.isnan(wide).sum()), int(np.isinf(wide).sum())
