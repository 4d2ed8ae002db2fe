"""Losses that stand out of their recent past."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Int, PyTree

from ..numerics.shapes import Scalar
from .safety import SafetySettings

RECENT = 16
"""Losses that the next one is compared with. Half of them may be spikes; were there more, they
would be what is usual: so a loss that rises and stays there is taken after 8 skipped steps."""

_NORMAL = 1.4826  # a normal distribution's standard deviation, in median absolute deviations
_SMALLEST = 0.01  # deviation, relative to the loss: where it hardly moves, nothing small stands out


class WatchedState(NamedTuple):
    """The state of an optimizer with the losses that its next one is compared with.

    Attributes:
        inner: The optimizer's own state.
        losses: ``[RECENT]``, the last finite losses in a ring.
        seen: Finite losses so far.
        spikes: Those of them that stood out.
        spike: Whether the last one did.
    """

    inner: PyTree
    losses: Float[Array, "..."]
    seen: Int[Array, ""]
    spikes: Int[Array, ""]
    spike: Bool[Array, ""]


def watched(
    optimizer: optax.GradientTransformation, settings: SafetySettings
) -> optax.GradientTransformationExtraArgs:
    """An optimizer that also compares each loss, its argument ``value``, with those before.

    Median and median absolute deviation say what is usual, which single spikes do not move. The
    optimizer's updates stay as they are; where nothing is to be watched, so does its state.
    """
    inner, threshold = optax.with_extra_args_support(optimizer), settings.spike_threshold
    if threshold is None:
        return inner

    def init(params: PyTree) -> WatchedState:
        losses, none = jnp.zeros(RECENT, jnp.float32), jnp.int32(0)
        return WatchedState(inner.init(params), losses, none, none, jnp.bool(False))

    def update(
        grads: PyTree, state: WatchedState, params: PyTree | None = None, **extra: Any
    ) -> tuple[PyTree, WatchedState]:
        updates, own = inner.update(grads, state.inner, params, **extra)
        loss: Scalar = extra["value"]
        finite = jnp.abs(loss) < jnp.inf
        median = jnp.median(state.losses)
        deviation = _NORMAL * jnp.median(jnp.abs(state.losses - median))
        limit = median + threshold * jnp.maximum(deviation, _SMALLEST * jnp.abs(median))
        spike = finite & (state.seen >= RECENT) & (loss > limit)
        at = state.seen % RECENT
        losses = state.losses.at[at].set(jnp.where(finite, loss, state.losses[at]))
        return updates, WatchedState(own, losses, state.seen + finite, state.spikes + spike, spike)

    # Its types know no state of another kind.
    return optax.GradientTransformationExtraArgs(init, update)  # pyright: ignore[reportArgumentType]


def unless_spike(safe: Bool[Array, ""], opt_state: PyTree) -> Bool[Array, ""]:
    """The flag of a safe update, taken back where its loss stood out."""
    return safe & ~opt_state.spike if isinstance(opt_state, WatchedState) else safe


def not_updated(opt_state: PyTree, before: PyTree) -> PyTree:
    """The state before an update that is not applied, but with its loss among those seen."""
    return opt_state._replace(inner=before.inner) if isinstance(opt_state, WatchedState) else before


def spike_metrics(opt_state: PyTree) -> dict[str, Array]:
    """``spikes``, the updates not applied for their loss so far, where losses are watched."""
    return {"spikes": opt_state.spikes} if isinstance(opt_state, WatchedState) else {}
