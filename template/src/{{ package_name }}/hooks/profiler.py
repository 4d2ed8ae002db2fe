"""A profile of some steps: a trace for XProf and Perfetto, and the costliest operations as text."""

from collections import Counter
from pathlib import Path
from typing import Any

import jax
from pydantic import Field, PrivateAttr, model_validator

from ..files import write_atomically
from ..training.hook import Hook, Run


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
    times, calls = Counter[str](), Counter[str]()
    for plane in jax.profiler.ProfileData.from_file(str(trace)).planes:
        for line in plane.lines:
            _add_operations(line, times, calls)
    total = sum(times.values()) or 1
    lines = [f"{'ms':>10}  {'share':>6}  {'calls':>6}  operation"]
    lines += [
        f"{time / 1e6:10.3f}  {time / total:6.1%}  {calls[name]:6}  {name}"
        for name, time in times.most_common(10)
    ]
    return "\n".join(lines) + "\n"


def _add_operations(line: Any, times: Counter[str], calls: Counter[str]) -> None:
    """Add the operations of a thread or device, with their own times in nanoseconds."""
    events = []
    for event in line.events:
        name = dict(event.stats).get("hlo_op") or (event.name if line.name == "XLA Ops" else None)
        if name is not None:
            events.append((int(event.start_ns), -int(event.duration_ns), str(name)))
    around: list[tuple[int, str]] = []  # ends and names of those that an operation is inside of
    for start, negative, name in sorted(events):
        while around and around[-1][0] <= start:
            around.pop()
        if around:
            times[around[-1][1]] += negative
        around.append((start - negative, name))
        times[name] -= negative
        calls[name] += 1
