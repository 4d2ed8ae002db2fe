"""The safety checks of the training step, for an optimizer that is called by others.

Tunix applies every update that it computes. Here an update whose gradients are not finite, or have
exploded, changes neither weights nor optimizer state.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Int, PyTree

from ..numerics.norms import global_norm
from ..training.safety import SafetySettings, is_safe, keep_if


class GuardState(NamedTuple):
    """What a guarded optimizer remembers.

    Attributes:
        inner: The optimizer's own state.
        skipped: Updates not applied so far, in all.
        consecutive_skips: Updates not applied since the last one that was.
    """

    inner: PyTree
    skipped: Int[Array, ""]
    consecutive_skips: Int[Array, ""]


def guarded(
    optimizer: optax.GradientTransformation, settings: SafetySettings
) -> optax.GradientTransformation:
    """An optimizer that applies safe updates only.

    What Tunix hands over as the state of a module reaches it as nested dictionaries, as in the
    project's own step.
    """

    def init(params: PyTree) -> GuardState:
        return GuardState(optimizer.init(_plain(params)), jnp.int32(0), jnp.int32(0))

    def update(
        grads: PyTree, state: GuardState, params: PyTree | None = None
    ) -> tuple[PyTree, GuardState]:
        norm = global_norm(grads)
        safe = is_safe(norm, norm, settings)
        updates, inner = optimizer.update(_plain(grads), state.inner, _plain(params))
        updates = jax.tree.unflatten(jax.tree.structure(grads), jax.tree.leaves(updates))
        nothing = optax.tree.zeros_like(updates)
        updates, inner = keep_if(safe, (updates, inner), (nothing, state.inner))
        consecutive = jnp.where(safe, 0, state.consecutive_skips + 1)
        return updates, GuardState(inner, state.skipped + ~safe, consecutive)

    make: Any = optax.GradientTransformation  # its types know no state of another kind
    return make(init, update)


def _plain(tree: PyTree) -> PyTree:
    return nnx.to_pure_dict(tree) if isinstance(tree, nnx.State) else tree
