"""Progress of reading a known number of bytes."""

import sys
import time

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10.0


class ByteProgress:
    """A bar on a terminal, otherwise a plain line every ten seconds, on standard error.

    A context manager; reading that is done within ten seconds prints no plain line at all.
    """

    def __init__(self, title: str, total: int, *, enabled: bool) -> None:
        """Begin at zero.

        Args:
            title: What is going on.
            total: Bytes in all.
            enabled: False prints nothing.
        """
        self._title = title
        self._total = total
        self._done = 0
        self._plain = enabled and not sys.stderr.isatty()
        self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
        self._bar = tqdm(
            desc=title,
            total=total,
            unit="B",
            unit_scale=True,
            file=sys.stderr,
            disable=not enabled or self._plain,
        )

    def __enter__(self) -> "ByteProgress":
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bar as it stands."""
        self._bar.close()

    def advance(self, size: int) -> None:
        """Count ``size`` more bytes."""
        self._done += size
        self._bar.update(size)
        if self._plain and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
            percent = 100 * self._done // max(1, self._total)
            print(
                f"{self._title}: {self._done / 1e6:,.0f} of {self._total / 1e6:,.0f} MB "
                f"({percent} %)",
                file=sys.stderr,
                flush=True,
            )
