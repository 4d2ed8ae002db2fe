"""What hooks measure in a step, for an optimizer that is called by others."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PyTree

from ..training.hook import Hook


class RecordedState(NamedTuple):
    """The state of an optimizer with the numbers of its last update.

    Attributes:
        inner: The optimizer's own state.
        metrics: The numbers, by name.
    """

    inner: PyTree
    metrics: dict[str, Array]


def recorded(
    optimizer: optax.GradientTransformation, hooks: Sequence[Hook]
) -> optax.GradientTransformation:
    """An optimizer that also computes the `step_metrics` of hooks; itself, where there are none."""

    def measure(grads: PyTree, updates: PyTree, params: PyTree) -> dict[str, Array]:
        found = (hook.step_metrics(grads, updates, params) for hook in hooks)
        return {name: value for metrics in found for name, value in metrics.items()}

    def init(params: PyTree) -> PyTree:
        shapes = jax.eval_shape(measure, params, params, params)
        inner = optimizer.init(params)
        if not shapes:
            return inner
        return RecordedState(inner, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes))

    def update(grads: PyTree, state: PyTree, params: PyTree | None = None) -> tuple[PyTree, PyTree]:
        if not isinstance(state, RecordedState):
            return optimizer.update(grads, state, params)
        updates, inner = optimizer.update(grads, state.inner, params)
        return updates, RecordedState(inner, measure(grads, updates, params))

    make: Any = optax.GradientTransformation  # its types know no state of another kind
    return make(init, update)
