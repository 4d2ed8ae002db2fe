"""Learning-rate schedules."""

from typing import Literal

import jax.numpy as jnp
import optax
from pydantic import Field

from ..settings import Settings


class ScheduleSettings(Settings):
    """How the learning rate moves over a run, as shares of the optimizer's peak rate.

    Attributes:
        kind: ``cosine`` (Loshchilov and Hutter, 2017) falls along half a cosine after the warm-up;
            ``linear`` along a line; ``wsd`` (warm-up, stable, decay; Hu et al., 2024) stays at the
            peak and falls linearly over the last `decay_fraction` of the steps; ``inverse_sqrt``
            (Vaswani et al., 2017) falls with the root of the steps, whatever their number;
            ``constant`` stays at the peak.
        warmup_steps: Steps over which the rate rises linearly from 0 to its peak.
        decay_fraction: Share of all steps in which ``wsd`` decays.
        final_fraction: The rate at the last step, as a share of the peak, for ``cosine``,
            ``linear`` and ``wsd``.
    """

    kind: Literal["cosine", "linear", "wsd", "inverse_sqrt", "constant"] = "cosine"
    warmup_steps: int = Field(default=100, ge=0)
    decay_fraction: float = Field(default=0.2, ge=0, le=1)
    final_fraction: float = Field(default=0.1, ge=0, le=1)


def make_schedule(settings: ScheduleSettings, peak: float, steps: int) -> optax.Schedule:
    """The learning rate as a function of the number of updates made so far."""
    risen = max(settings.warmup_steps, 1)
    warmup = optax.linear_schedule(0.0, peak, risen)
    remaining = max(steps - settings.warmup_steps, 1)
    decay = max(int(steps * settings.decay_fraction), 1)
    final = peak * settings.final_fraction
    parts, boundaries = [optax.constant_schedule(peak)], [settings.warmup_steps]
    if settings.kind == "cosine":
        parts = [optax.cosine_decay_schedule(peak, remaining, settings.final_fraction)]
    elif settings.kind == "linear":
        parts = [optax.linear_schedule(peak, final, remaining)]
    elif settings.kind == "wsd":
        parts.append(optax.linear_schedule(peak, final, decay))
        boundaries.append(max(steps - decay, settings.warmup_steps))
    elif settings.kind == "inverse_sqrt":
        parts = [lambda count: peak * jnp.sqrt(risen / jnp.clip(risen + count, min=1))]
    return optax.join_schedules([warmup, *parts], boundaries)
