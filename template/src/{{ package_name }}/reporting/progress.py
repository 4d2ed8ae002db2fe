"""Progress on the console: a bar on a terminal, plain lines elsewhere."""

import contextlib
import io
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping

from tqdm import tqdm

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_OF_RATE = 20.0
_BAR = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}  {desc}"


class Progress:
    """Tells how far a run is, how fast, and when it will be done.

    Everything goes to standard error, which leaves standard output to results. Elsewhere than on a
    terminal the first and the last step get a line, those with an evaluation, and otherwise at
    most one in ten seconds.

    The rate is that of the last seconds of training: the first step, which compiles, and pauses are
    left out. The remaining time counts pauses as they came so far.
    """

    def __init__(
        self,
        total_steps: int,
        start_step: int,
        units_per_step: int,
        unit: str,
        *,
        enabled: bool = True,
        stream: io.TextIOBase | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin after `start_step`.

        Args:
            total_steps: Steps in the whole run.
            start_step: Steps that were made before, by the run that is resumed.
            units_per_step: What a step processes, such as tokens per batch.
            unit: Its name in the plural, ``tokens``.
            enabled: False prints nothing; all processes but the first say so.
            stream: Where to print; standard error by default.
            clock: Seconds that only grow.
        """
        self._total = total_steps
        self._units_per_step = units_per_step
        self._unit = unit
        self._enabled = enabled
        self._stream = stream or sys.stderr
        self._clock = clock
        self._paused = 0.0
        self._first: tuple[float, int] | None = None
        self._recent: deque[tuple[float, int]] = deque()
        self._next_line = 0.0
        self._unprinted = ""
        self._bar: tqdm | None = None
        if enabled and self._stream.isatty():
            self._bar = tqdm(
                total=total_steps,
                initial=start_step,
                file=self._stream,
                bar_format=_BAR,
                dynamic_ncols=True,
            )

    @property
    def units_per_second(self) -> float | None:
        """The present rate of training; None before the second step."""
        if len(self._recent) < 2:
            return None
        (start, first), (end, last) = self._recent[0], self._recent[-1]
        return (last - first) * self._units_per_step / max(end - start, 1e-9)

    def update(self, step: int, metrics: Mapping[str, float | int]) -> None:
        """Tell that `step` is done.

        Args:
            step: Steps done so far, more than at the last call.
            metrics: ``train/loss`` and ``train/reward`` are shown, and all metrics of evaluations,
                those that do not begin with ``train/``.
        """
        now = self._clock()
        if self._first is None:
            self._first = (now, step)
            self._next_line = now
        self._recent.append((now - self._paused, step))
        while len(self._recent) > 2 and self._recent[1][0] < now - self._paused - _SECONDS_OF_RATE:
            self._recent.popleft()

        shown = [name for name in ("loss", "reward") if f"train/{name}" in metrics]
        parts = [f"{name} {metrics[f'train/{name}']:.3f}" for name in shown]
        rate = self.units_per_second
        if rate is not None:
            parts.append(f"{short(rate)} {self._unit}/s")
            if step < self._total:
                parts.append(f"ETA {clock_time(self._remaining(now, step))}")
        status = "  ".join(parts)
        names = [name for name in metrics if not name.startswith("train/")]
        evaluation = "  ".join(
            f"{name.removeprefix('eval/').replace('_', ' ')} {metrics[name]:.3f}"
            for name in sorted(names, key=lambda name: name != "eval/loss")
        )
        if self._bar is not None:
            self._bar.set_description_str(status, refresh=False)
            self._bar.update(step - self._bar.n)
        else:
            count = f"step {step:>{len(str(self._total))}}/{self._total}"
            self._unprinted = f"{count}  {status}".rstrip()
            if evaluation or now >= self._next_line or step == self._total:
                self._print_line(now)
        if evaluation:
            self.message(f"evaluation after step {step}: {evaluation}")

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Leave the time inside, for an evaluation or a checkpoint, out of the rate."""
        start = self._clock()
        try:
            yield
        finally:
            self._paused += self._clock() - start

    def message(self, text: str) -> None:
        """Print a line, above the bar if there is one."""
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        elif self._enabled:
            print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Leave the last state on the console."""
        if self._bar is not None:
            self._bar.refresh()
            self._bar.close()
        elif self._unprinted:
            self._print_line(self._clock())

    def _remaining(self, now: float, step: int) -> float:
        assert self._first is not None
        start, first = self._first
        return (self._total - step) * (now - start) / max(step - first, 1)

    def _print_line(self, now: float) -> None:
        self.message(self._unprinted)
        self._unprinted = ""
        self._next_line = now + _SECONDS_BETWEEN_LINES


def short(number: float) -> str:
    """Three digits and a factor: ``950``, ``18.4k``, ``1.25M``."""
    for factor, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= 0.9995 * factor:
            return f"{_three_digits(number / factor)}{suffix}"
    return _three_digits(number)


def _three_digits(number: float) -> str:
    return f"{number:.{0 if number >= 99.95 else 1 if number >= 9.995 else 2}f}"


def clock_time(seconds: float) -> str:
    """Seconds as ``0:41``, ``12:05`` or ``3:20:00``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
