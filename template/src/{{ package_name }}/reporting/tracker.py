"""The experiment tracker: TensorBoard."""

import math
from pathlib import Path

from tensorboardX import SummaryWriter

from .writers import Metrics, MetricWriter


class _TensorBoardWriter:
    def __init__(self, directory: Path, resume_step: int) -> None:
        # TensorBoard hides what an earlier start wrote for the step to purge and later ones.
        purge_step = resume_step + 1 if resume_step > 0 else 0
        self._writer = SummaryWriter(str(directory), purge_step=purge_step)

    def write(self, step: int, metrics: Metrics) -> None:
        for name, value in metrics.items():
            if math.isfinite(value):  # the library would print a warning for every other number
                self._writer.add_scalar(name, value, step)

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


def open_tracker(directory: Path, resume_step: int) -> MetricWriter:
    """Open the tracker of a run.

    Args:
        directory: Where it may keep files; ``tensorboard --logdir`` takes it or a folder above it.
        resume_step: The last step that stays; 0 for a run that starts from the beginning.
    """
    return _TensorBoardWriter(directory, resume_step)
