"""`launch/local.sh` trains with several processes, stops them together, and leaves none behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from . import tiny
from .project import errors, package, parallel, reporting, storage, training

LAUNCH = ["bash", str(Path(__file__).parents[1] / "launch" / "local.sh")]


def steps_of(run):
    return [row["step"] for row in reporting.writers.read_metrics(run.metrics)]


def test_two_processes_stop_together_and_one_completes_the_run(tmp_path):
    data, run = tiny.prepare(tmp_path), storage.run_directory.RunDirectory(tmp_path / "run")
    words = [f"--config={each}" for each in tiny.directives(data, "loop.steps=100_000")]
    train = [sys.executable, "-m", package.__name__, "train", "--run-dir", str(run.path), *words]
    launched = subprocess.Popen(
        [*LAUNCH, *train],
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while launched.poll() is None and len(steps_of(run)) < 3:
        time.sleep(0.1)
    launched.send_signal(signal.SIGTERM)
    output, _ = launched.communicate(timeout=300)
    assert launched.returncode == 0, output
    last = steps_of(run)[-1]
    assert output.count(f"stopped after step {last}, which is saved") == 2
    (start,) = json.loads(run.environment.read_text())
    assert (start["devices"]["processes"], start["devices"]["count"]) == (2, 2)

    with run.lock():
        training.loop.train(tiny.make(data, f"loop.steps={last + 2}", "mesh.data=8"), run)
    assert steps_of(run) == list(range(1, last + 3))


def test_a_process_that_fails_ends_the_others(tmp_path):
    alive = tmp_path / "alive"
    # The first one would live for a minute, in a process of its own.
    script = f'[ "$JAX_PROCESS_ID" = 1 ] && exit 3; sh -c "sleep 10; touch {alive}; sleep 50"; true'
    assert subprocess.run([*LAUNCH, "-n", "2", "sh", "-c", script], check=False).returncode == 3
    time.sleep(10)
    assert not alive.exists()


def test_half_a_launcher_is_refused(monkeypatch):
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "localhost:1")
    monkeypatch.delenv("JAX_NUM_PROCESSES", raising=False)
    with pytest.raises(errors.UserError, match="JAX_NUM_PROCESSES and JAX_PROCESS_ID must be"):
        parallel.distributed.start_processes()
