"""Signals that end a run early but in order."""

import os
import signal
from types import FrameType
from typing import Any

import jax
from jax.experimental import multihost_utils


class Interruption:
    """Turns SIGTERM and the first Ctrl-C into a request to save and stop.

    A second Ctrl-C is not caught. With several processes one must not stop alone: JAX's preemption
    service notes SIGTERM and tells all of them, so a Ctrl-C is passed on to it.

    Attributes:
        signal: The signal that ends the run, or None.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._noted, self._asked = signal.SIGTERM, 0
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interruption":
        caught = {signal.SIGINT: self._pass_on}
        if jax.process_count() == 1:
            caught = dict.fromkeys((signal.SIGINT, signal.SIGTERM), self._note)
        for number, handler in caught.items():
            self._previous[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def requested(self, step: int) -> bool:
        """Whether to stop after `step`, the same answer on every process."""
        self._asked += 1  # JAX's service takes numbers that ascend, but a run may go back
        if jax.process_count() > 1 and multihost_utils.reached_preemption_sync_point(self._asked):
            self.signal = self._noted
        return self.signal is not None

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.signal = signal.Signals(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self._noted = signal.Signals(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.kill(os.getpid(), signal.SIGTERM)
