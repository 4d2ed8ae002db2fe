"""Two processes on one machine train as one process does."""

import os
import shutil
import socket
import subprocess
import sys

import pytest

from . import tiny
from .project import package, reporting


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("localhost", 0))
        return listening.getsockname()[1]


def start(folder, data, changes, environment):
    """Start ``train`` in a process of its own."""
    words = [f"--config={each}" for each in tiny.directives(data, *changes)]
    command = [sys.executable, "-m", package.__name__, "train", "--run-dir", str(folder), *words]
    return subprocess.Popen(
        command,
        env={**os.environ, "JAX_PLATFORMS": "cpu", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(*processes):
    for process in processes:
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output


def start_pair(folder, data, changes):
    shared = {"JAX_COORDINATOR_ADDRESS": f"localhost:{free_port()}", "JAX_NUM_PROCESSES": "2"}
    return [
        start(folder, data, changes, {**shared, "JAX_PROCESS_ID": str(number)}) for number in (0, 1)
    ]


def losses(folder):
    rows = reporting.writers.read_metrics(folder / "metrics.jsonl")
    return {row["step"]: row["train/loss"] for row in rows}


def test_two_processes_train_as_one_and_one_can_go_on_alone(tmp_path):
    data = tiny.prepare(tmp_path)
    exact = ("precision.param_dtype=float32", "precision.compute_dtype=float32")
    alone, pair = tmp_path / "alone", tmp_path / "pair"
    finish(start(alone, data, exact, {}))
    finish(*start_pair(pair, data, exact))
    expected, found = losses(alone), losses(pair)
    assert list(found) == list(range(1, 11))
    assert list(found.values()) == pytest.approx(list(expected.values()), rel=1e-5)

    # One process goes on from what two have saved: the state, and the position in the data.
    for step in ("8", "10"):
        shutil.rmtree(pair / "checkpoints" / step)
    finish(start(pair, data, exact, {}))
    again = losses(pair)
    assert list(again) == list(range(1, 11))
    assert list(again.values()) == pytest.approx(list(expected.values()), rel=1e-5)
