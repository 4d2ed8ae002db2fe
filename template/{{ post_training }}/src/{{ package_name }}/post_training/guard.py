"""The safety checks and the hooks of the training step, for an optimizer that is called by others.

Tunix applies every update that it computes. Here an update whose gradients are not finite, or have
exploded, changes neither weights nor optimizer state, nor does one whose loss stands out, where
that is watched.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Int, PyTree

from ..training.hook import Hook
from ..training.safety import SafetySettings, is_safe, keep_if, stays_finite
from ..training.spikes import not_updated, unless_spike, watched


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


class RecordedState(NamedTuple):
    """What a guarded optimizer remembers where hooks measure something in each step.

    Attributes:
        inner: Its state without hooks.
        metrics: The numbers of the last update, by name.
    """

    inner: GuardState
    metrics: dict[str, Array]


def guarded(
    optimizer: optax.GradientTransformation, settings: SafetySettings, hooks: Sequence[Hook] = ()
) -> optax.GradientTransformationExtraArgs:
    """An optimizer that applies safe updates only, and keeps what hooks measure of each.

    What Tunix hands over as the state of a module reaches both as nested dictionaries, as in the
    project's own step.
    """
    watching = watched(optimizer, settings)

    def measure(grads: PyTree, updates: PyTree, params: PyTree) -> dict[str, Array]:
        found = (hook.step_metrics(grads, updates, params) for hook in hooks)
        return {name: value for metrics in found for name, value in metrics.items()}

    def init(params: PyTree) -> PyTree:
        params = _plain(params)
        state = GuardState(watching.init(params), jnp.int32(0), jnp.int32(0))
        shapes = jax.eval_shape(measure, params, params, params)
        return RecordedState(state, optax.tree.zeros_like(shapes)) if shapes else state

    def update(
        gradients: PyTree, state: PyTree, params: PyTree | None = None, **extra: Any
    ) -> tuple[PyTree, PyTree]:
        before = state.inner if isinstance(state, RecordedState) else state
        grads, weights = _plain(gradients), _plain(params)
        norm = optax.tree.norm(grads)
        safe = is_safe(norm, norm, settings)
        updates, inner = watching.update(grads, before.inner, weights, **extra)
        moved = optax.apply_updates(weights, updates)
        kept = not_updated(inner, before.inner)
        safe = unless_spike(safe & stays_finite((moved, inner), (weights, kept)), inner)
        nothing = optax.tree.zeros_like(updates)
        updates, inner = keep_if(safe, (updates, inner), (nothing, kept))
        consecutive = jnp.where(safe, 0, before.consecutive_skips + 1)
        after = GuardState(inner, before.skipped + ~safe, consecutive)
        if isinstance(state, RecordedState):
            after = RecordedState(after, measure(grads, updates, weights))
        return jax.tree.unflatten(jax.tree.structure(gradients), jax.tree.leaves(updates)), after

    make: Any = optax.GradientTransformationExtraArgs  # its types know no state of another kind
    return make(init, update)


def _plain(tree: PyTree) -> PyTree:
    return nnx.to_pure_dict(tree) if isinstance(tree, nnx.State) else tree
