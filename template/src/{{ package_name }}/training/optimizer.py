"""What an optimizer is to an experiment."""

from typing import Protocol, runtime_checkable

import optax
from jaxtyping import PyTree
from pydantic import Field

from ..settings import Settings
from .groups import map_with_path
from .schedule import ScheduleSettings, make_schedule


@runtime_checkable
class Optimizer(Protocol):
    """Settings of an optimizer, which know how to build it.

    Nothing but `build` is needed. Learning rates are reported where `Scheduled` is met, and
    parameters are grouped and frozen where `training.groups.Grouped` is. An optimizer that averages
    weights, so that others are evaluated than are trained, says so by its state: see
    `training.state.evaluation_params`.
    """

    def build(self, steps: int) -> optax.GradientTransformation:
        """Build the transformation of gradients for a run of so many updates."""
        ...


@runtime_checkable
class Scheduled(Protocol):
    """Settings of an optimizer that tell its learning rates."""

    def rates(self, steps: int) -> dict[str, optax.Schedule]:
        """Learning rates by update, by the names of their metrics."""
        ...


def rates_of(optimizer: Optimizer, steps: int) -> dict[str, optax.Schedule]:
    """The learning rates that an optimizer's settings tell of, in a run of so many updates."""
    return optimizer.rates(steps) if isinstance(optimizer, Scheduled) else {}


class OptimizerSettings(Settings):
    """AdamW, for experiments that were written before projects had a module `optimizer`.

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

    def build(self, steps: int) -> optax.GradientTransformation:
        """Build the chain, whose state their checkpoints hold."""
        return optax.chain(
            optax.clip_by_global_norm(self.clip_norm),
            optax.scale_by_adam(self.b1, self.b2, self.eps, mu_dtype="float32"),
            optax.add_decayed_weights(self.weight_decay, mask=_decays),
            optax.scale_by_learning_rate(self.rates(steps)["learning_rate"]),
        )

    def rates(self, steps: int) -> dict[str, optax.Schedule]:
        """The schedule."""
        return {"learning_rate": make_schedule(self.schedule, self.learning_rate, steps)}


def _decays(params: PyTree) -> PyTree:
    exempt = ("scale", "bias")
    return map_with_path(lambda path, _: path.rpartition(".")[2] not in exempt, params)
