"""Progress of reading a known number of bytes."""

import sys
from typing import Any

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10.0


class ByteProgress(tqdm):
    """A bar on standard error; elsewhere than on a terminal it is drawn every ten seconds.

    A context manager. There, reading that is done within ten seconds shows nothing at all.
    """

    def __init__(self, title: str, total: int, *, enabled: bool) -> None:
        """Begin at zero.

        Args:
            title: What is going on.
            total: Bytes in all.
            enabled: False prints nothing.
        """
        pause = 0.0 if sys.stderr.isatty() else _SECONDS_BETWEEN_LINES
        pauses: Any = {"delay": pause, "mininterval": max(pause, 0.1)}
        super().__init__(
            None, title, total, unit="B", unit_scale=True, disable=not enabled, **pauses
        )

    def advance(self, size: int) -> None:
        """Count ``size`` more bytes."""
        self.update(size)
