"""Where metrics go: one small protocol, and the file that every run writes."""

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..files import write_atomically

Metrics = Mapping[str, float | int]


@runtime_checkable
class MetricWriter(Protocol):
    """Takes the metrics of a run, named ``<split>/<metric>``, such as ``train/loss``."""

    def write(self, step: int, metrics: Metrics) -> None:
        """Record the metrics of one step; a step is written once, and steps ascend."""
        ...

    def flush(self) -> None:
        """Make everything written so far durable."""
        ...

    def close(self) -> None:
        """Flush and release what is held; nothing may be written afterwards."""
        ...


class JsonLinesWriter:
    """Writes one JSON object per line: ``step``, ``time`` (Unix seconds), and the metrics.

    JSON has no NaN and no infinities; they are written as ``null``, which `read_metrics` reads as
    NaN.
    """

    def __init__(self, path: Path, resume_step: int) -> None:
        """Open the file, without what a run wrote after the step it is resumed from.

        Dropping those lines, and a last line that was torn when the run was killed, leaves each
        step once. The file is replaced as a whole, so that it survives a kill at this point too.

        Args:
            path: The file; it is created if it is not there.
            resume_step: The last step that stays; 0 for a run that starts from the beginning, of
                which nothing stays.
        """
        kept = [line for line, row in _rows(path) if resume_step > 0 and row["step"] <= resume_step]
        write_atomically(path, "".join(f"{line}\n" for line in kept))
        self._file = path.open("a", encoding="utf-8", buffering=1)  # a line at a time

    def write(self, step: int, metrics: Metrics) -> None:
        """Append one line."""
        row: dict[str, float | int | None] = {"step": step, "time": round(time.time(), 3)}
        row |= {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        self._file.write(json.dumps(row, allow_nan=False) + "\n")

    def flush(self) -> None:
        """Put all lines on disk; called before a checkpoint is saved, so that none is missing."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Put all lines on disk and close the file."""
        if not self._file.closed:
            self.flush()
            self._file.close()


class MetricWriters:
    """Several writers as one."""

    def __init__(self, writers: Sequence[MetricWriter]) -> None:
        self._writers = tuple(writers)

    def write(self, step: int, metrics: Metrics) -> None:
        """Write to all of them."""
        for writer in self._writers:
            writer.write(step, metrics)

    def flush(self) -> None:
        """Flush all of them."""
        for writer in self._writers:
            writer.flush()

    def close(self) -> None:
        """Close all of them."""
        for writer in self._writers:
            writer.close()


def read_metrics(path: Path) -> list[dict[str, float | int]]:
    """The lines of a metrics file, in their order.

    A line that is no complete JSON object, as a killed run may leave behind, is passed over.

    Args:
        path: What a `JsonLinesWriter` wrote.

    Returns:
        For each line a dictionary with ``step``, ``time`` and the metrics; NaN stands for a number
        that was not finite.
    """
    return [
        {name: math.nan if value is None else value for name, value in row.items()}
        for _, row in _rows(path)
    ]


def _rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            row = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            found.append((line, row))
    return found
