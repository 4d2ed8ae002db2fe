"""Progress of reading bytes, or other things that are counted."""

import sys
from typing import Any

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10.0


class ByteProgress(tqdm):
    """A bar on standard error; elsewhere than on a terminal it is drawn every ten seconds.

    A context manager. There, reading that is done within ten seconds shows nothing at all.
    """

    def __init__(self, title: str, total: int | None, *, enabled: bool, unit: str = "B") -> None:
        """Begin at zero.

        Args:
            title: What is going on.
            total: Bytes in all; None where that is not known.
            enabled: False prints nothing.
            unit: What is counted, where it is not bytes.
        """
        pause = 0.0 if sys.stderr.isatty() else _SECONDS_BETWEEN_LINES
        pauses: Any = {"delay": pause, "mininterval": max(pause, 0.1)}
        super().__init__(
            None, title, total, unit=unit, unit_scale=True, disable=not enabled, **pauses
        )

    def advance(self, size: int) -> None:
        """Count ``size`` more of them."""
        self.update(size)
