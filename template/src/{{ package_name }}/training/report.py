"""What a run tells while it runs: metrics to files and tracker, progress to the console."""

import logging
from collections.abc import Mapping
from contextlib import AbstractContextManager

import jax

from ..parallel.distributed import failing_together
from ..reporting.progress import Progress
from ..reporting.tracker import open_tracker
from ..reporting.writers import JsonLinesWriter, Metrics, MetricWriter
from ..storage.run_directory import RunDirectory
from .safety import Stuck

_logger = logging.getLogger(__name__)


class Report:
    """All that reports of one run, on its first process; on the others it does nothing.

    Args:
        run: Where the run's files lie.
        start: Step that the run resumes from. What was written after it is dropped, so that every
            step stands once.
        steps: Steps in the whole run.
        throughput: What a step processes: how many, and of what (``tokens``).

    Raises:
        UserError: The tracker cannot be opened.
    """

    def __init__(
        self, run: RunDirectory, start: int, steps: int, throughput: tuple[int, str]
    ) -> None:
        self._run = run
        per_step, self._unit = throughput
        first = jax.process_index() == 0
        self._file: JsonLinesWriter | None = None
        self._writers: list[MetricWriter] = []
        with failing_together():
            if first:
                tracker = open_tracker(run.tracker, start, run.config())
                self._file = JsonLinesWriter(run.metrics, start)
                self._writers = [self._file, tracker]
        self._progress = Progress(steps, start, per_step, self._unit, enabled=first)

    def __enter__(self) -> "Report":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._progress.close()
        for writer in self._writers:
            writer.close()
        if kind is Stuck:
            return  # the run goes back, and on
        if jax.process_index() == 0 and self._run.metrics.stat().st_size:
            # Commands that draw nothing need not wait for matplotlib.
            from ..reporting.curves import plot_curves

            try:
                plot_curves(self._run.metrics, self._run.curves, self._run.path.name)
            except OSError as error:  # no reason to fail, nor to hide the one that there may be
                _logger.warning("%s could not be drawn: %s", self._run.curves, error.strerror)

    def write(self, step: int, train: Metrics, evaluations: Mapping[str, Metrics]) -> None:
        """Record one step: its numbers, and the metrics of the evaluations after it by name."""
        record = {
            f"{group}/{name}": value
            for group, metrics in {"train": train, **evaluations}.items()
            for name, value in metrics.items()
        }
        self._progress.update(step, record)
        rate = self._progress.units_per_second
        if rate:
            record[f"train/{self._unit}_per_second"] = rate
        for writer in self._writers:
            writer.write(step, record)

    @property
    def lines(self) -> int | None:
        """Lines of metrics so far; None where this process writes none."""
        return self._file and self._file.lines

    def pause(self) -> AbstractContextManager[None]:
        """Time inside is not counted as training."""
        return self._progress.pause()

    def message(self, text: str) -> None:
        """Print a line."""
        self._progress.message(text)

    def flush(self) -> None:
        """Put everything written so far on disk."""
        for writer in self._writers:
            writer.flush()
