"""Where metrics go: one small protocol, and the file that every run writes."""

import contextlib
import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

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
        kept = [_line(row) for row in read_metrics(path) if row["step"] <= resume_step]
        write_atomically(path, "".join(kept))
        self._file = path.open("a", encoding="utf-8", buffering=1)  # a line at a time

    def write(self, step: int, metrics: Metrics) -> None:
        """Append one line."""
        self._file.write(_line({"step": step, "time": round(time.time(), 3), **metrics}))

    def flush(self) -> None:
        """Put all lines on disk; called before a checkpoint is saved, so that none is missing."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Put all lines on disk and close the file."""
        self.flush()
        self._file.close()


def read_metrics(path: Path) -> list[dict[str, float | int]]:
    """The lines of a metrics file, in their order.

    A line that is no complete JSON object, as a killed run may leave behind, is passed over.

    Args:
        path: What a `JsonLinesWriter` wrote.

    Returns:
        For each line a dictionary with ``step``, ``time`` and the metrics; NaN stands for a number
        that was not finite.
    """
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            row = json.loads(line)
            if isinstance(row, dict) and isinstance(row.get("step"), int):
                row = {name: math.nan if value is None else value for name, value in row.items()}
                if all(isinstance(value, int | float) for value in row.values()):
                    rows.append(row)
    return rows


def _line(row: Metrics) -> str:
    finite = {name: value if math.isfinite(value) else None for name, value in row.items()}
    return json.dumps(finite, allow_nan=False) + "\n"
