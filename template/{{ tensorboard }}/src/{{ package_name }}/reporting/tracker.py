"""The experiment tracker: TensorBoard.

TensorBoard's own files are written here, record by record, because tensorboardX's `SummaryWriter`
hands each number to a thread through a queue of processes: its `flush` returns before the queue is
empty, and every step would pay for the hand-over.
"""

import math
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboardX import RecordWriter

# Protobuf makes these classes when the modules are imported.
from tensorboardX.proto.event_pb2 import Event, SessionLog  # pyright: ignore[reportAttributeAccessIssue]
from tensorboardX.proto.summary_pb2 import Summary  # pyright: ignore[reportAttributeAccessIssue]

from .writers import Metrics, MetricWriter


class TensorBoardWriter:
    """Writes a file of TensorBoard events, one event for each step.

    Numbers that are not finite are left out, since TensorBoard has no place for them on a curve.
    """

    def __init__(self, directory: Path, resume_step: int) -> None:
        """Begin a file of its own; TensorBoard reads those of one directory in order of time.

        Args:
            directory: Created if it is not there.
            resume_step: As for `open_tracker`.
        """
        directory.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}"
        self._records = RecordWriter(str(directory / name))
        # The start of a session hides what earlier ones wrote for its step and later steps.
        first = resume_step + 1 if resume_step > 0 else 0
        self._put(Event(file_version="brain.Event:2"))
        self._put(Event(step=first, session_log=SessionLog(status=SessionLog.START)))

    def write(self, step: int, metrics: Metrics) -> None:
        """Write one event."""
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        values = [Summary.Value(tag=name, simple_value=value) for name, value in finite.items()]
        self._put(Event(step=step, summary=Summary(value=values)))

    def flush(self) -> None:
        """Put all events on disk."""
        self._records.flush()

    def close(self) -> None:
        """Put all events on disk and close the file."""
        self._records.flush()
        self._records.close()

    def _put(self, event: Any) -> None:
        event.wall_time = time.time()
        self._records.write(event.SerializeToString())


def open_tracker(directory: Path, resume_step: int, config: Mapping[str, Any]) -> MetricWriter:
    """Open the tracker of a run.

    Args:
        directory: Its folder in that of the run; ``tensorboard --logdir`` takes it or a folder
            above it.
        resume_step: The last step that stays; 0 for a run that starts from the beginning.
        config: What the run is made with, of which TensorBoard shows nothing.
    """
    return TensorBoardWriter(directory, resume_step)
