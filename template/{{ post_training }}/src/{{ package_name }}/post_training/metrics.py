"""Collecting what Tunix measures, one step at a time."""

from collections.abc import Mapping
from typing import Any

import numpy as np

NAMES = {
    "score/mean": "reward",
    "reward_kl_penalty": "kl",
    "completions/mean_length": "completion_length",
}
"""What Tunix's RL cluster calls what is wanted of it, and what it is called here."""

UNWANTED = {"perplexity", "learning_rate", "sum", "mean", "min", "max"}
"""What says the same as another metric, or is known here already."""


class StepMetrics:
    """Stands in for Tunix's metrics logger, which keeps every number of a run in memory.

    It also leaves alone what Tunix's removes when it is closed: the listeners of `jax.monitoring`
    of the whole process.
    """

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}

    def log(self, prefix: str, name: str, value: Any, mode: Any, step: int) -> None:
        """Keep a number; of several under one name, the mean counts."""
        if name not in UNWANTED:
            name = name.replace("/", "_")
            name = f"{prefix}_{name}" if prefix == "critic" else name
            self._values.setdefault(name, []).append(float(np.mean(np.asarray(value))))

    def metric_exists(self, prefix: str, name: str, mode: Any) -> bool:
        """Whether Tunix's progress bar may ask for a metric: never."""
        return False

    def close(self) -> None:
        """Nothing to close."""

    def take(self) -> dict[str, float]:
        """What was logged since the last call."""
        taken = {name: float(np.mean(values)) for name, values in self._values.items()}
        self._values = {}
        return taken


def rollout_metrics(metrics: Mapping[str, tuple[list[Any], Any]]) -> dict[str, float]:
    """What Tunix's RL cluster measured of one step: rewards and lengths, their means."""
    told = {}
    for name, (values, _) in metrics.items():
        family, _, rest = name.partition("/")
        short = NAMES.get(rest) or NAMES.get(name)
        if short is None and family == "rewards" and "/" not in rest and rest not in UNWANTED:
            short = f"reward_{rest}"
        if short is not None:
            told[short] = float(np.mean(np.asarray(values, np.float64)))
    return told
