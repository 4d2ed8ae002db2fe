"""Progress on the console: a bar on a terminal, plain lines elsewhere."""

import contextlib
import dataclasses
import io
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_OF_RATE = 20.0
_BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}  {desc}"


@dataclasses.dataclass
class Progress:
    """Tells how far a run is, how fast, and when it will be done.

    Everything goes to standard error, which leaves standard output to results. Elsewhere than on a
    terminal the first step and the run's last get a line, those with an evaluation, and otherwise
    at most one in ten seconds.

    The rate is that of the last seconds of training: the first step, which compiles, and pauses are
    left out. The remaining time counts pauses as they came so far.

    Attributes:
        total_steps: Steps in the whole run.
        start_step: Steps that were made before, by the run that is resumed.
        units_per_step: What a step processes, such as tokens per batch.
        unit: Its name in the plural, ``tokens``.
        enabled: False prints nothing; all processes but the first say so.
        stream: Where to print; standard error by default.
        clock: Seconds that only grow.
    """

    total_steps: int
    start_step: int
    units_per_step: int
    unit: str
    _: dataclasses.KW_ONLY
    enabled: bool = True
    stream: io.TextIOBase = dataclasses.field(default_factory=lambda: cast(Any, sys.stderr))
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._paused = self._next_line = 0.0
        self._first: tuple[float, int] | None = None
        self._recent: deque[tuple[float, int]] = deque()
        steps = {"total": self.total_steps, "initial": self.start_step}
        look = {"bar_format": _BAR, "dynamic_ncols": True}
        hidden = not self.enabled or not self.stream.isatty()
        self._bar = tqdm(file=self.stream, disable=hidden, **steps, **look)

    @property
    def units_per_second(self) -> float | None:
        """The present rate of training; None before the second step."""
        if len(self._recent) < 2:
            return None
        (start, first), (end, last) = self._recent[0], self._recent[-1]
        return (last - first) * self.units_per_step / max(end - start, 1e-9)

    def update(self, step: int, metrics: Mapping[str, float | int]) -> None:
        """Tell that `step` is done.

        Args:
            step: Steps done so far, more than at the last call.
            metrics: ``train/loss`` and ``train/reward`` are shown, and all metrics of evaluations,
                those that do not begin with ``train/``.
        """
        now = self.clock()
        self._first = self._first or (now, step)
        self._recent.append((now - self._paused, step))
        while len(self._recent) > 2 and self._recent[1][0] < now - self._paused - _SECONDS_OF_RATE:
            self._recent.popleft()

        shown = [name for name in ("loss", "reward") if f"train/{name}" in metrics]
        parts = [f"{name} {metrics[f'train/{name}']:.3f}" for name in shown]
        rate = self.units_per_second
        if rate is not None:
            parts.append(f"{tqdm.format_sizeof(rate)} {self.unit}/s")
            if step < self.total_steps:
                start, first = self._first
                remaining = (self.total_steps - step) * (now - start) / (step - first)
                parts.append(f"ETA {tqdm.format_interval(round(remaining))}")
        status = "  ".join(parts)
        others = [name for name in metrics if not name.startswith("train/")]
        evaluation = "  ".join(
            f"{name.removeprefix('eval/')} {metrics[name]:.3f}" for name in others
        )
        if self._bar.disable:
            if evaluation or now >= self._next_line or step == self.total_steps:
                count = f"step {step:>{len(str(self.total_steps))}}/{self.total_steps}"
                self.message(f"{count}  {status}".rstrip())
                self._next_line = now + _SECONDS_BETWEEN_LINES
        else:
            self._bar.set_description_str(status, refresh=False)
            self._bar.update(step - self._bar.n)
        if evaluation:
            self.message(f"evaluation after step {step}: {evaluation}")

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Leave the time inside, for an evaluation or a checkpoint, out of the rate."""
        start = self.clock()
        try:
            yield
        finally:
            self._paused += self.clock() - start

    def message(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        if self.enabled:
            tqdm.write(text, file=self.stream)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._bar.refresh()
        self._bar.close()
