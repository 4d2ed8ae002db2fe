"""A run that is started again and again, and what each start has to say."""

import re
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from .. import training
from ..projects import Project

STEPS = 60
CHANGES = (
    *(f"loop.steps={STEPS}", "loop.eval_every=20", "loop.eval_batches=1", "checkpoint.every=8"),
    *("data.batch_size=8", "checkpoint.keep=3"),
)
PATIENCE = 300
"""Seconds after which a process hangs."""

WEIGHTS = """
import hashlib, sys
import jax, numpy as np
from orbax.checkpoint import v1 as ocp

state = ocp.load_checkpointables(sys.argv[1])["state"]
found = hashlib.sha256()
for leaf in jax.tree.leaves(state):
    is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    found.update(np.asarray(jax.random.key_data(leaf) if is_key else leaf).tobytes())
print(found.hexdigest())
"""


class Victim:
    """A run and its process.

    Attributes:
        path: its folder.
        process: the process that was started last.
    """

    def __init__(self, project: Project, name: str) -> None:
        """Names a run; nothing is started."""
        self._project, self._name = project, f"runs/{name}"
        self._log = training.log_file(project, self._name)
        self._from = 0
        self.path = project.path / self._name

    def start(self, *changes: str) -> subprocess.Popen[bytes]:
        """Starts the command that began the run."""
        self._from = self._log.stat().st_size if self._log.exists() else 0
        self.process = training.start(self._project, self._name, "smoke", *CHANGES, *changes)
        return self.process

    @property
    def said(self) -> str:
        """What the process has printed."""
        return self._log.read_bytes()[self._from :].decode(errors="replace")

    @property
    def saved(self) -> set[int]:
        """The steps of its checkpoints."""
        names = {path.name for path in (self.path / "checkpoints").glob("*") if path.is_dir()}
        return {int(name) for name in names if name.isdecimal()}

    @property
    def step(self) -> int:
        """The last step in its metrics, which may be torn."""
        path = self.path / "metrics.jsonl"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        steps = [re.match(r'\{"step": (\d+), .*\}$', line) for line in lines[-2:]]
        return max((int(step[1]) for step in steps if step), default=0)

    @property
    def resumed(self) -> int | None:
        """The step after which the process goes on; None if it has not come to that."""
        if found := re.search(r"resuming after step (\d+)", self.said):
            return int(found[1])
        return 0 if re.search(r"^step +\d", self.said, re.MULTILINE) else None

    @property
    def refused(self) -> bool:
        """Whether the process ended with one line that says why."""
        lines = re.findall(r"^error: .*", self.said, re.MULTILINE)
        return self.process.returncode in (1, 2) and len(lines) == 1 and not self.untidy

    @property
    def untidy(self) -> bool:
        """Whether the process printed a traceback.

        Python prints its own where Ctrl-C comes before the command, which then has said nothing.
        """
        early = self.process.returncode == -signal.SIGINT and self.said.startswith("Traceback")
        return "Traceback" in self.said and not early

    def wait_for(self, happens: Callable[[], bool]) -> bool:
        """Waits for something, or until the process ends.

        Returns:
            Whether the process is still there.

        Raises:
            TimeoutError: Neither comes.
        """
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None and not happens():
            if time.monotonic() > deadline:
                training.stop(self.process)
                raise TimeoutError(f"{self.path} hangs:\n{self.said}")
            time.sleep(0.01)
        return self.process.poll() is None

    def finish(self) -> int:
        """Waits for the end of the process; its exit code."""
        self.wait_for(lambda: False)
        return self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal, if the process is still there."""
        if self.process.poll() is None:
            self.process.send_signal(number)

    def fill_the_disk(self, size: int) -> None:
        """From now on the process can write no file beyond a size in bytes."""
        if self.process.poll() is None:
            resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (size, size))

    def result(self) -> tuple[str, list[dict[str, Any]]]:
        """The digest of the final state, and all metrics that do not depend on the clock."""
        final = str(self.path / "checkpoints" / str(STEPS))
        state = self._project.tool("python", "-c", WEIGHTS, final)
        rows = training.metrics(self._project, self._name)
        clocked = {"time"} | {name for row in rows for name in row if "per_second" in name}
        return state, [
            {name: value for name, value in row.items() if name not in clocked} for row in rows
        ]
