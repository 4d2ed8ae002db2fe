"""Hooks: what a run does besides training, in objects of your own."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import optax
from jaxtyping import PyTree

from ..errors import UserError
from ..numerics.shapes import Scalar
from ..settings import Settings
from ..storage.run_directory import RunDirectory
from .report import Report

Metrics = Mapping[str, float]


@dataclass
class Run:
    """A run in progress, as its hooks see it.

    Attributes:
        program: The compiled functions of the run, a `Program`; its `experiment` is the
            configuration.
        directory: The folder of the run.
        report: Prints messages beside the progress.
        step: Steps made so far.
        state: The state after them, a `TrainState`. The next step donates it: copy what you keep.
        memory: What the hook that is called remembers, in JSON's types. It is saved with every
            checkpoint, so a resumed run goes on with it.
        save_requested: Whether a hook has asked for a checkpoint of this step.
    """

    program: Any
    directory: RunDirectory
    report: Report
    step: int
    state: Any
    memory: dict[str, Any] = field(default_factory=dict)
    save_requested: bool = False

    @property
    def finished(self) -> bool:
        """Whether the last step is made."""
        return self.step == self.program.experiment.loop.steps

    def save(self) -> None:
        """Ask for a checkpoint of this step."""
        self.save_requested = True

    def stop(self, reason: str) -> None:
        """Ask for the run to end after this step, which is saved."""
        self.memory["stop"] = reason


class Hook(Settings):
    """Base of hooks: overrides what it needs of the points below, which do nothing here.

    Hooks are settings and never change; what one has to remember goes into ``run.memory``. They are
    called in their order, on every process, and must ask for the same on each. A hook whose
    settings change between two starts of a run begins with an empty memory.
    """

    def before_step(self, run: Run) -> None:
        """Called before step ``run.step + 1`` is dispatched."""

    def after_step(self, run: Run, step: int, metrics: Metrics) -> None:
        """Called with the numbers of `step`, one step late, every ``loop.log_every`` steps."""

    def after_evaluation(self, run: Run, name: str, metrics: Metrics) -> None:
        """Called with the metrics of the evaluation `name` after step ``run.step``."""

    def before_checkpoint(self, run: Run) -> None:
        """Called before step ``run.step`` is saved, with all metrics so far on disk."""

    def after_checkpoint(self, run: Run) -> None:
        """Called once step ``run.step`` is copied off the devices; it is written meanwhile."""

    def at_end(self, run: Run) -> None:
        """Called after the last step, or after the one that a signal or a hook ended the run at."""

    def preserves(self, saved: Mapping[int, Metrics]) -> Collection[int]:
        """Steps whose checkpoints stay beside the newest ones.

        Args:
            saved: For each checkpoint, by step, the metrics of the evaluations after it, named
                ``<evaluation>/<metric>``.
        """
        return ()

    def transform(self, optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
        """Wrap the optimizer, to keep a state of one's own in it."""
        return optimizer

    def step_metrics(self, grads: PyTree, updates: PyTree, params: PyTree) -> dict[str, Scalar]:
        """Further numbers of a step, computed in the compiled step.

        Args:
            grads: Float32 gradients of the mean loss, nested by module.
            updates: What the optimizer adds to the weights.
            params: The float32 weights before the update.
        """
        return {}


class Hooks:
    """The hooks of a run with their memories.

    Args:
        hooks: The hooks, in the order in which they are called.
        memories: What they remember of the run so far, as `memories` gave it.
    """

    def __init__(self, hooks: Sequence[Hook], memories: Mapping[str, Any]) -> None:
        self._hooks = [(hook, dict(memories.get(repr(hook), {}))) for hook in hooks]

    @property
    def memories(self) -> dict[str, Any]:
        """A copy of what each hook remembers, by its settings.

        Raises:
            UserError: It cannot be saved.
        """
        try:
            return {repr(hook): json.loads(json.dumps(memory)) for hook, memory in self._hooks}
        except (TypeError, ValueError) as error:
            raise UserError(f"hooks: run.memory takes JSON's types alone: {error}") from error

    @property
    def stop_reason(self) -> str | None:
        """Why the run ends, where a hook has asked for it."""
        return next((memory["stop"] for _, memory in self._hooks if "stop" in memory), None)

    def call(self, point: str, run: Run, *arguments: Any) -> None:
        """Call one point of every hook."""
        for hook, memory in self._hooks:
            run.memory = memory
            getattr(hook, point)(run, *arguments)


def hooked(
    hooks: Sequence[Hook], optimizer: optax.GradientTransformation
) -> optax.GradientTransformation:
    """The optimizer with what hooks wrap around it."""
    for hook in hooks:
        optimizer = hook.transform(optimizer)
    return optimizer
