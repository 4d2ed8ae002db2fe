"""What the experiments of each task must reach, on held-out data of the sample."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

RISING = {"accuracy", "exact_match"}
"""Metrics of which more is better; of the others, less is."""


class Quality(NamedTuple):
    """Bounds on metrics of the test split, after an experiment of seconds or a minute.

    Attributes:
        answers: the answers of the project: its task, and what goes with that.
        bounds: what each metric must reach.
        near: what other metrics are to be, and how far they may be from it.
        experiment: the experiment.
        longer: the one that takes minutes and gets further, if there is one.
        resumes: whether a killed run is compared with one that was not, bit for bit.
    """

    answers: dict[str, str]
    bounds: dict[str, float]
    near: Mapping[str, tuple[float, float]] = MappingProxyType({})
    experiment: str = "smoke"
    longer: str | None = "small"
    resumes: bool = False

    @property
    def name(self) -> str:
        """The answers as one word, and the experiment where it is not the usual one."""
        experiment = [] if self.experiment == "smoke" else [self.experiment]
        return "-".join([*self.answers.values(), *experiment])

    @property
    def run(self) -> str:
        """Where in the project the experiment's run is."""
        return f"runs/{self.experiment}"

    def is_reached(self, metrics: Mapping[str, float]) -> bool:
        """Whether all metrics are good enough."""
        return all(
            metrics[name] >= bound if name in RISING else metrics[name] <= bound
            for name, bound in self.bounds.items()
        ) and all(abs(metrics[name] - value) <= far for name, (value, far) in self.near.items())


INTERVALS = {"coverage_80": (0.8, 0.06), "coverage_95": (0.95, 0.04)}
"""With some room for what other versions of JAX make of the same seed."""

QUALITIES = [
    Quality({"task": "language"}, {"bits_per_byte": 3.6}, resumes=True),
    Quality({"task": "image", "architecture": "resnet"}, {"accuracy": 0.97}),
    Quality({"task": "image", "architecture": "vit"}, {"accuracy": 0.97}),
    # Accuracy and loss of logistic regression of cross-validated strength, the error of ridge.
    Quality({"task": "tabular"}, {"accuracy": 0.982, "loss": 0.0756}),
    Quality({"task": "tabular"}, {"mae": 45.17}, experiment="diabetes", longer=None),
    Quality({"task": "forecasting"}, {"mase": 0.82}, near=INTERVALS),
    Quality({"task": "post-training"}, {"exact_match": 0.95}, experiment="sft", longer=None),
]

POST_TRAINING = QUALITIES[-1]
"""What `test_post_training.py` trains, with all that starts from it."""
