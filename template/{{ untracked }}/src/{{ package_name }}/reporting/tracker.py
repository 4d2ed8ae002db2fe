"""No experiment tracker: every run has its `metrics.jsonl` and its curves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .writers import Metrics, MetricWriter


class NoTracker:
    """Writes nothing."""

    def write(self, step: int, metrics: Metrics) -> None:
        """Nothing to do."""

    def flush(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


def open_tracker(directory: Path, resume_step: int, config: Mapping[str, Any]) -> MetricWriter:
    """A writer that writes nothing. This is the place to put a tracker of your own.

    Args:
        directory: Its folder in that of the run.
        resume_step: The last step that stays; 0 for a run that starts from the beginning.
        config: What the run is made with.
    """
    return NoTracker()
