"""The optimizer: an Optax chain over the float32 master weights."""

from typing import Any

import jax
import optax
from jaxtyping import PyTree
from pydantic import Field

from ..settings import Settings
from .schedule import ScheduleSettings, make_schedule

NOT_DECAYED = ("scale", "bias")


class OptimizerSettings(Settings):
    """AdamW (Loshchilov and Hutter, 2019) behind a clip of the global gradient norm.

    Attributes:
        learning_rate: Peak of the schedule.
        b1: Decay of the first moment.
        b2: Decay of the second moment.
        eps: Added to the root of the second moment.
        weight_decay: Decoupled decay, scaled by the learning rate; scales and biases are exempt.
        clip_norm: Gradients of a larger global norm are scaled down to it.
        schedule: How the learning rate moves.
    """

    learning_rate: float = Field(default=3e-4, gt=0)
    b1: float = Field(default=0.9, ge=0, lt=1)
    b2: float = Field(default=0.95, ge=0, lt=1)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    schedule: ScheduleSettings = ScheduleSettings()


def make_optimizer(
    settings: OptimizerSettings, steps: int
) -> tuple[optax.GradientTransformation, optax.Schedule]:
    """The gradient transformation for a run of `steps` steps, and its learning-rate schedule."""
    schedule = make_schedule(settings.schedule, settings.learning_rate, steps)
    transformation = optax.chain(
        optax.clip_by_global_norm(settings.clip_norm),
        optax.scale_by_adam(settings.b1, settings.b2, settings.eps, mu_dtype="float32"),
        optax.add_decayed_weights(settings.weight_decay, mask=decay_mask),
        optax.scale_by_learning_rate(schedule),
    )
    return transformation, schedule


def decay_mask(params: PyTree) -> PyTree:
    """True for the leaves that weight decay pulls towards zero: those not named scale or bias."""

    def decays(path: tuple[Any, ...], _: Any) -> bool:
        # In an NNX state the path ends with the attribute of the variable that holds the array.
        names = [part for part in path if not isinstance(part, jax.tree_util.GetAttrKey)]
        return jax.tree_util.keystr(tuple(names[-1:]), simple=True) not in NOT_DECAYED

    return jax.tree_util.tree_map_with_path(decays, params)
