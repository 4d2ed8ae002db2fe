"""Where metrics go: one small protocol, and the file that every run writes."""

import json
import logging
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..errors import UserError
from ..files import write_atomically

_logger = logging.getLogger(__name__)

Metrics = Mapping[str, float | int]


@runtime_checkable
class MetricWriter(Protocol):
    """Takes the metrics of a run, named ``<split>/<metric>``, such as ``train/loss``."""

    def write(self, step: int, metrics: Metrics) -> None:
        """Record the metrics of one step; a step is written once, and steps ascend."""

    def flush(self) -> None:
        """Make everything written so far durable."""

    def close(self) -> None:
        """Flush and release what is held; nothing may be written afterwards."""


class JsonLinesWriter:
    """Writes one JSON object per line: ``step``, ``time`` (Unix seconds), and the metrics.

    JSON has no NaN and no infinities; they are written as ``null``, which `read_metrics` reads as
    NaN.

    Attributes:
        lines: How many lines there are.
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
        self.lines = len(kept)
        self._file = path.open("a", encoding="utf-8", buffering=1)  # a line at a time

    def write(self, step: int, metrics: Metrics) -> None:
        """Append one line."""
        self._file.write(_line({"step": step, "time": round(time.time(), 3), **metrics}))
        self.lines += 1

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
    return [row for row in _rows(path) if row is not None]


def check_metrics(path: Path, step: int, lines: int | None) -> None:
    """Check that a metrics file is whole up to the step that a run resumes from.

    A last line that was torn is no damage: a killed run leaves it behind. Nor is it if there is no
    file, which says only that the numbers are not wanted.

    Args:
        path: What a `JsonLinesWriter` wrote.
        step: The step.
        lines: How many lines it had then, if that is known.

    Raises:
        UserError: Lines are damaged or missing.
    """
    rows = _rows(path)
    if None in rows[:-1]:
        problem = f"line {rows.index(None) + 1} is damaged"
    else:
        kept = sum(row["step"] <= step for row in rows if row)
        problem = f"{kept} of {lines} lines up to step {step} are left"
        if lines in (None, kept):
            problem = None
    if not path.exists():
        if step:
            _logger.warning("%s is gone: the numbers up to step %d are lost", path, step)
    elif problem:
        raise UserError(
            f"{path}: {problem}; put it back, delete it to go on without these numbers, or give "
            "--from-scratch"
        )
    elif rows and rows[-1] is None:
        _logger.warning("%s: the last line was torn and is dropped", path)


def _rows(path: Path) -> list[dict[str, float | int] | None]:
    """What stands in each line; None for one that is no complete row."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [_row(line) for line in lines]


def _row(line: str) -> dict[str, float | int] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or not isinstance(row.get("step"), int):
        return None
    row = {name: math.nan if value is None else value for name, value in row.items()}
    return row if all(isinstance(value, int | float) for value in row.values()) else None


def _line(row: Metrics) -> str:
    finite = {name: value if math.isfinite(value) else None for name, value in row.items()}
    return json.dumps(finite, allow_nan=False) + "\n"
