"""A profile of some steps: a trace for XProf and Perfetto, and the costliest operations as text."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
from pydantic import Field, PrivateAttr, model_validator

from ..files import write_atomically
from ..training.hook import Hook, Run

_SHOWN = 10


class Profiler(Hook):
    """Records a trace of some steps in the folder ``profile`` of the run.

    `xprof` or TensorBoard's profile plugin opens the folder, and https://ui.perfetto.dev the
    ``.trace.json.gz`` in it. ``operations.txt`` lists the ten operations that took the longest.

    Attributes:
        first: First step that is recorded. Step 1 compiles, so it tells little.
        last: Last step that is recorded.
    """

    first: int = Field(default=10, ge=2)
    last: int = Field(default=12, ge=2)

    _recording: bool = PrivateAttr(default=False)  # of this process, so no memory of the run's

    @model_validator(mode="after")
    def _in_order(self) -> "Profiler":
        if self.last < self.first:
            raise ValueError(f"last: step {self.last} comes before first={self.first}")
        return self

    def before_step(self, run: Run) -> None:
        """Begin before the first step, and end once the last one is computed."""
        if run.step + 1 == self.first:
            jax.block_until_ready(run.state)
            jax.profiler.start_trace(str(run.directory.path / "profile"))
            self._recording = True
        elif run.step == self.last:
            self.at_end(run)

    def at_end(self, run: Run) -> None:
        """End a trace whose last step was the run's as well."""
        if not self._recording:
            return
        self._recording = False
        jax.block_until_ready(run.state)
        jax.profiler.stop_trace()
        folder = run.directory.path / "profile"
        if jax.process_index() == 0:
            summary = summarise(folder)
            write_atomically(folder / "operations.txt", summary)
            run.report.message(f"profile of steps {self.first} to {run.step}: {folder}\n{summary}")


def summarise(folder: Path) -> str:
    """The operations of the newest trace in `folder` that took the longest, a line each.

    Times are an operation's own, without those of operations inside it, summed over all calls and
    devices.
    """
    trace = max(folder.rglob("*.xplane.pb"), key=lambda path: path.stat().st_mtime)
    times, calls = defaultdict[str, float](float), Counter[str]()
    for plane in jax.profiler.ProfileData.from_file(str(trace)).planes:
        for line in plane.lines:
            for name, nanoseconds in _own_times(line):
                times[name] += nanoseconds
                calls[name] += 1
    total = sum(times.values()) or 1
    lines = [f"{'ms':>10}  {'share':>6}  {'calls':>6}  operation"]
    lines += [
        f"{time / 1e6:10.3f}  {time / total:6.1%}  {calls[name]:6}  {name}"
        for name, time in heapq.nlargest(_SHOWN, times.items(), key=lambda item: item[1])
    ]
    return "\n".join(lines) + "\n"


def _own_times(line: Any) -> Iterator[tuple[str, float]]:
    """Each operation of a thread or device with its own time in nanoseconds."""
    events = []
    for event in line.events:
        name = dict(event.stats).get("hlo_op") or (event.name if line.name == "XLA Ops" else None)
        if name is not None:
            events.append((event.start_ns, -event.duration_ns, str(name)))
    own: list[list[Any]] = []
    open_ones: list[tuple[float, int]] = []
    for start, negative, name in sorted(events):
        while open_ones and open_ones[-1][0] <= start:
            open_ones.pop()
        if open_ones:
            own[open_ones[-1][1]][1] += negative
        open_ones.append((start - negative, len(own)))
        own.append([name, -negative])
    for name, time in own:
        yield name, max(time, 0.0)
