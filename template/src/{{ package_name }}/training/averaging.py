"""A moving average of the weights, kept beside the optimizer's state."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Int, PyTree

from ..errors import UserError
from .state import TrainState


class AveragedState(NamedTuple):
    """The state of an optimizer with the average of the weights that it makes.

    Attributes:
        inner: The optimizer's own state.
        updates: Updates that the average is made of.
        average: The average, float32, nested like the weights.
    """

    inner: PyTree
    updates: Int[Array, ""]
    average: PyTree


def averaged(
    optimizer: optax.GradientTransformation, decay: float
) -> optax.GradientTransformationExtraArgs:
    """An optimizer that also keeps an exponential moving average of the weights.

    Args:
        optimizer: The optimizer, whose updates stay as they are.
        decay: Share of the old average in a new one, in the long run. It is multiplied by
            ``(1 + updates) / (10 + updates)``, so that the first weights are soon forgotten.
    """
    inner = optax.with_extra_args_support(optimizer)

    def init(params: PyTree) -> AveragedState:
        return AveragedState(inner.init(params), jnp.int32(0), jax.tree.map(jnp.copy, params))

    def update(
        grads: PyTree, state: AveragedState, params: PyTree | None = None, **extra: Any
    ) -> tuple[PyTree, AveragedState]:
        assert params is not None
        updates, own = inner.update(grads, state.inner, params, **extra)
        share = decay * (1 + state.updates) / (10 + state.updates)
        moved = optax.apply_updates(params, updates)
        average = optax.tree.update_moment(moved, state.average, share, order=1)
        return updates, AveragedState(own, state.updates + 1, average)

    make: Any = optax.GradientTransformationExtraArgs  # its types know no state of another kind
    return make(init, update)


def with_weights(state: TrainState, weights: str) -> TrainState:
    """The state with the weights to evaluate in the place of the trained ones.

    Args:
        state: A state of a run.
        weights: ``trained`` or ``ema``.

    Raises:
        UserError: No average of the weights is kept.
    """
    if weights == "trained":
        return state
    opt_state = state.opt_state
    if isinstance(opt_state, dict):  # PPO's value model has an optimizer of its own
        opt_state = opt_state["policy"]
    found = optax.tree.get_all_with_path(opt_state, AveragedState.__name__)
    if not found:
        raise UserError("the run keeps no moving average of its weights: add the hook EMA to it")
    # Without the optimizer's state, which may know of further weights to evaluate.
    return state._replace(params=found[0][1].average, opt_state=())
