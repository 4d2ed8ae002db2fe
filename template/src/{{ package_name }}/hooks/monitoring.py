"""Hooks that watch a metric: the best checkpoint is kept, and a run ends that gets no better."""

import math
from collections.abc import Collection, Mapping
from typing import Literal

from pydantic import Field

from ..errors import UserError
from ..training.hook import Hook, Metrics, Run


class _Monitor(Hook):
    """Watches one metric of the evaluations.

    Attributes:
        metric: The metric, named ``<evaluation>/<metric>``.
        mode: Whether the best value is the smallest, ``min``, or the largest, ``max``.
    """

    metric: str = "eval/loss"
    mode: Literal["min", "max"] = "min"

    def _score(self, name: str, metrics: Metrics) -> float | None:
        """The metric, if it is one of the evaluation `name`, signed so that more is better.

        What is not finite is worse than everything else.
        """
        evaluation, _, metric = self.metric.partition("/")
        if evaluation != name:
            return None
        if metric not in metrics:
            known = ", ".join(f"{name}/{each}" for each in metrics)
            raise UserError(f"{type(self).__name__}: no metric {self.metric}; there are {known}")
        value = metrics[metric]
        return self._signed(value) if math.isfinite(value) else -math.inf

    def _signed(self, value: float) -> float:
        return value if self.mode == "max" else -value


class BestCheckpoint(_Monitor):
    """Saves a checkpoint at each evaluation that is the best so far, and keeps the best one.

    ``--checkpoint best`` uses it in the commands. Of equal ones the earlier is the best.
    """

    def after_evaluation(self, run: Run, name: str, metrics: Metrics) -> None:
        """Ask for a checkpoint of a step that is better than all before."""
        score = self._score(name, metrics)
        if score is not None and score > run.memory.get("score", -math.inf):
            run.memory["score"] = score
            run.save()

    def preserves(self, saved: Mapping[int, Metrics]) -> Collection[int]:
        """The step of the best checkpoint."""
        steps = [step for step in sorted(saved) if self.metric in saved[step]]
        return sorted(steps, key=lambda step: -self._signed(saved[step][self.metric]))[:1]


class EarlyStopping(_Monitor):
    """Ends a run once a metric has not improved for some evaluations in a row.

    Attributes:
        patience: Evaluations without an improvement that a run may have.
        min_delta: What a change must exceed to count as an improvement.
    """

    patience: int = Field(default=5, ge=1)
    min_delta: float = Field(default=0.0, ge=0)

    def after_evaluation(self, run: Run, name: str, metrics: Metrics) -> None:
        """Count evaluations since the last improvement."""
        score = self._score(name, metrics)
        if score is None:
            return
        if score > run.memory.get("score", -math.inf) + self.min_delta:
            run.memory |= {"score": score, "waited": 0}
            return
        run.memory["waited"] = run.memory.get("waited", 0) + 1
        if run.memory["waited"] >= self.patience:
            count = "evaluation" if self.patience == 1 else f"{self.patience} evaluations"
            run.stop(f"{self.metric} has not improved in the last {count}")
