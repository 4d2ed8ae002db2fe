"""What the experiments of each task must reach, on held-out data of the sample."""

from typing import NamedTuple


class Quality(NamedTuple):
    """A bound on a metric of the test split, after the experiment `smoke`.

    Attributes:
        answers: the answers of the project: its task, and what goes with that.
        metric: the metric.
        bound: what it must reach.
        rises: whether more of it is better.
        longer: the experiment that takes minutes and gets further.
        resumes: whether a killed run is compared with this one, bit for bit.
    """

    answers: dict[str, str]
    metric: str
    bound: float
    rises: bool
    longer: str = "small"
    resumes: bool = False

    @property
    def name(self) -> str:
        """The answers as one word."""
        return "-".join(self.answers.values())

    def is_reached(self, value: float) -> bool:
        """Whether the metric's value is good enough."""
        return value >= self.bound if self.rises else value <= self.bound


QUALITIES = [
    Quality({"task": "language"}, "bits_per_byte", 3.6, rises=False, resumes=True),
    Quality(
        {"task": "image", "architecture": "resnet"}, "accuracy", 0.97, rises=True, resumes=True
    ),
    Quality({"task": "tabular"}, "accuracy", 0.94, rises=True),
    Quality({"task": "forecasting"}, "mase", 1.0, rises=False, longer="smoke"),
]
