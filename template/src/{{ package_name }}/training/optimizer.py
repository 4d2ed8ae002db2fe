"""What an optimizer is to an experiment, and what those of the project share."""

from abc import abstractmethod
from typing import Protocol, runtime_checkable

import optax
from jaxtyping import PyTree
from pydantic import Field

from ..settings import Settings
from .groups import Group, add_decayed_weights, map_with_path, matches, scale_by_group
from .schedule import ScheduleSettings, make_schedule

NOT_DECAYED = ("scale", "bias", "*_bias")


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


class GroupedOptimizer(Settings):
    """What the optimizers of `optimizer.py` share: clipping, weight decay, a schedule, groups.

    Attributes:
        learning_rate: Peak of the schedule.
        weight_decay: Decoupled decay, scaled by the learning rate; scales and biases are exempt.
        clip_norm: Gradients of a larger global norm are scaled down to it.
        schedule: How the learning rate moves.
        groups: Parameters that are trained in their own way or frozen, by the group's name. The
            first group counts that matches a parameter.
    """

    learning_rate: float = Field(default=3e-4, gt=0, le=1000)
    weight_decay: float = Field(default=0.1, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    schedule: ScheduleSettings = ScheduleSettings()
    groups: dict[str, Group] = Field(default_factory=dict)

    def build(self, steps: int) -> optax.GradientTransformation:
        """Build the transformation for a run of so many updates."""
        return optax.chain(
            optax.clip_by_global_norm(self.clip_norm),
            self.direction(),
            add_decayed_weights(self.weight_decay, self.groups, exempt=NOT_DECAYED),
            scale_by_group(self.groups),
            optax.scale_by_learning_rate(self.rates(steps)["learning_rate"]),
        )

    @abstractmethod
    def direction(self) -> optax.GradientTransformation:
        """Where an update goes, before decay and learning rate."""

    def rates(self, steps: int) -> dict[str, optax.Schedule]:
        """The learning rate, and that of each group."""
        trained = {f"/{name}": one.rate for name, one in self.groups.items() if not one.frozen}
        return {
            f"learning_rate{name}": make_schedule(self.schedule, rate * self.learning_rate, steps)
            for name, rate in {"": 1.0, **trained}.items()
        }


class AdamW(GroupedOptimizer):
    """AdamW (Loshchilov and Hutter, 2019).

    Attributes:
        b1: Decay of the first moment.
        b2: Decay of the second moment.
        eps: Added to the root of the second moment.
    """

    b1: float = Field(default=0.9, ge=0, lt=1)
    b2: float = Field(default=0.95, ge=0, lt=1)
    eps: float = Field(default=1e-8, gt=0)

    def direction(self) -> optax.GradientTransformation:
        """Adam's."""
        return optax.scale_by_adam(self.b1, self.b2, self.eps, mu_dtype="float32")


class OptimizerSettings(AdamW):
    """AdamW, for experiments that were written before projects had a module `optimizer`."""

    def build(self, steps: int) -> optax.GradientTransformation:
        """Build the transformation; without groups the one whose state their checkpoints hold."""
        if self.groups:
            return super().build(steps)
        return optax.chain(
            optax.clip_by_global_norm(self.clip_norm),
            self.direction(),
            optax.add_decayed_weights(self.weight_decay, mask=_decays),
            optax.scale_by_learning_rate(self.rates(steps)["learning_rate"]),
        )


def _decays(params: PyTree) -> PyTree:
    return map_with_path(lambda path, _: not matches(path, *NOT_DECAYED), params)
