"""A progress bar for people who wait at a terminal."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

WIDTH = 40

Item = TypeVar("Item")


def progress(items: Iterable[Item], total: int) -> Iterator[Item]:
    """Passes items on, and shows on a terminal how many of all have come."""
    shown = sys.stderr.isatty()
    done = 0
    if shown:
        _draw(done, total)
    for item in items:
        yield item
        done += 1
        if shown:
            _draw(done, total)
    if shown:
        print(file=sys.stderr)


def _draw(done: int, total: int) -> None:
    filled = WIDTH * done // max(total, 1)
    bar = "#" * filled + "." * (WIDTH - filled)
    print(f"\r[{bar}] {done} of {total}", end="", file=sys.stderr, flush=True)
