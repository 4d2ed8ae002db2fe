"""A watch over a run that hangs: in the data, in the compiled step, or waiting for a process."""

import contextlib
import faulthandler
import os
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

HUNG: Final = 75
"""Exit code of a process that was ended: what launchers start again (EX_TEMPFAIL of sysexits.h)."""

_LOOKS = 10  # so many times in the seconds that a run may be silent
_LATER = 1.5  # the timer goes off: a frozen process that is thawed must find the thread first


class Watchdog:
    """Ends the silence of a run that hangs.

    A thread looks for signs of life. Where the main thread holds the interpreter itself, in a
    library that hangs, no thread of Python runs; then the timer of `faulthandler`, which needs no
    interpreter, writes the stacks and ends the process half as long again later, with exit code 1.

    Args:
        seconds: How long the run may be silent; None watches nothing.
        end: End the process then, so that a launcher starts it again.
        path: The file for the stacks.
    """

    def __init__(self, seconds: float | None, end: bool, path: Path) -> None:
        self._seconds, self._end, self._path = seconds, end, path
        self._ended = threading.Event()
        self.alive()

    def alive(self) -> None:
        """A sign of life."""
        self._seen = time.monotonic()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch over what is done inside."""
        if self._seconds is None:
            yield
            return
        with self._path.open("a", encoding="utf-8") as file:
            self._arm(file, self._seconds)
            thread = threading.Thread(target=self._watch, args=(file, self._seconds), daemon=True)
            thread.start()
            try:
                yield
            finally:
                self._ended.set()
                thread.join()
                faulthandler.cancel_dump_traceback_later()
                if not self._path.stat().st_size:
                    self._path.unlink()

    def _arm(self, file: IO[str], seconds: float) -> None:
        faulthandler.dump_traceback_later(_LATER * seconds, exit=self._end, file=file)

    def _watch(self, file: IO[str], seconds: float) -> None:
        told = 0.0
        while not self._ended.wait(seconds / _LOOKS):
            self._arm(file, seconds)
            if self._seen == told or time.monotonic() - self._seen < seconds:
                continue
            told = self._seen  # once for each silence
            file.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, process {os.getpid()}\n")
            file.flush()
            faulthandler.dump_traceback(file)
            ending = f"; ending with exit code {HUNG}" if self._end else ""
            line = f"no step for {seconds:g} seconds: see the stacks in {self._path}{ending}"
            print(line, file=sys.stderr, flush=True)
            if self._end:
                os.fsync(file.fileno())
                os._exit(HUNG)
