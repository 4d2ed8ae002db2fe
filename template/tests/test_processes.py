"""Two processes on one machine train as one process does."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import pytest
from jax._src.distributed import global_state

from . import tiny
from .project import package, parallel, reporting, storage, training
from .test_rollback import spoil

EXACT = ("precision.param_dtype=float32", "precision.compute_dtype=float32")
GOING_BACK = ("safety.max_consecutive_skips=3",)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("localhost", 0))
        return listening.getsockname()[1]


def together(port, number, count):
    """What a launcher sets for one of `count` processes."""
    return {
        "JAX_COORDINATOR_ADDRESS": f"localhost:{port}",
        "JAX_NUM_PROCESSES": str(count),
        "JAX_PROCESS_ID": str(number),
    }


TRAIN_TWICE = """
import importlib, sys, pytest
from tests.test_rollback import spoil
spoil(pytest.MonkeyPatch(), bad=range(3, 6))
main = importlib.import_module(f"{sys.argv[1]}.__main__").main
words = sys.argv[2:]
print("codes:", main(words), main([*words, "--config=set:seed=7"]))
"""


def start(run, data, number, port, program=TRAIN_TWICE, *changes):
    """One of two processes with a device each: they train together, then with another seed."""
    words = [f"--config={each}" for each in tiny.directives(data, *EXACT, *changes)]
    words = ["train", "--run-dir", str(run.path), *words]
    return subprocess.Popen(
        [sys.executable, "-c", program, package.__name__, *words],
        env={**os.environ, **together(port, number, 2), "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def train(run, data):
    """Train in this process, on its eight devices."""
    with run.lock(), pytest.MonkeyPatch.context() as patch:
        spoil(patch, bad=range(3, 6))
        training.loop.train(tiny.make(data, *EXACT, *GOING_BACK, "mesh.data=8"), run)


def losses(run):
    """The training loss of each step; they have to be the ten of the tiny experiment."""
    rows = reporting.writers.read_metrics(run.metrics)
    assert [row["step"] for row in rows] == list(range(1, 11))
    return [row["train/loss"] for row in rows]


def test_two_processes_train_as_one_and_one_goes_on_from_them(tmp_path, monkeypatch):
    """All of them go back from the same bad batches."""
    monkeypatch.chdir(Path(__file__).parents[1])
    data = tiny.prepare(tmp_path)
    alone, pair = (storage.run_directory.RunDirectory(tmp_path / name) for name in ("one", "two"))
    port = free_port()
    processes = [start(pair, data, each, port, TRAIN_TWICE, *GOING_BACK) for each in (0, 1)]
    train(alone, data)
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert all("codes: 0 2\n" in output for output in outputs), outputs
    assert losses(pair) == pytest.approx(losses(alone), rel=1e-5)
    told = [json.loads(run.rollbacks.read_text())[0]["batches"] for run in (pair, alone)]
    assert told[0] == told[1] and list(told[0]) == ["3", "4", "5"]

    # What only the first process can see, that the run was started with another seed, ends both.
    assert "was started with another configuration (seed: " in outputs[0]
    assert "another process of this run cannot go on" in outputs[1]

    # The digests of a checkpoint are those of the files of both.
    newest = pair.checkpoints / "10"
    assert storage.digests.find_damage(newest) is None
    digests = json.loads((newest / "digests.json").read_text())
    assert {"state/array_metadatas/process_0", "state/array_metadatas/process_1"} <= digests.keys()

    # One process goes on from what two have saved: the state, and the position in the data.
    for step in ("8", "10"):
        shutil.rmtree(pair.checkpoints / step)
    train(pair, data)
    assert losses(pair) == pytest.approx(losses(alone), rel=1e-5)


TRAIN = """
import importlib, sys
sys.exit(importlib.import_module(f"{sys.argv[1]}.__main__").main(sys.argv[2:]))
"""


def test_an_interrupt_of_one_process_ends_both_with_a_checkpoint(tmp_path):
    data, port = tiny.prepare(tmp_path), free_port()
    run = storage.run_directory.RunDirectory(tmp_path / "run")
    changes = ("loop.steps=100000", "checkpoint.every=100000", "loop.eval_every=100000")
    processes = [start(run, data, number, port, TRAIN, *changes) for number in (0, 1)]
    while not reporting.writers.read_metrics(run.metrics):
        assert all(process.poll() is None for process in processes)
        time.sleep(0.05)
    processes[1].send_signal(signal.SIGINT)
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 130], outputs
    (step,) = (int(path.name) for path in run.checkpoints.iterdir())
    assert all(f"stopped after step {step}, which is saved" in output for output in outputs)
    assert "Traceback" not in "".join(outputs)


def test_the_service_ends_a_moment_after_the_last_process_has_left(monkeypatch):
    port, left = free_port(), []

    def look(seconds):
        socket.create_connection(("localhost", port)).close()  # it still listens
        left.append(not jax.distributed.is_initialized())

    monkeypatch.setattr(parallel.distributed.time, "sleep", look)
    # The public function refuses to be called where devices are in use.
    monkeypatch.setattr(jax.distributed, "initialize", global_state.initialize)
    for name, value in together(port, 0, 1).items():
        monkeypatch.setenv(name, value)
    parallel.distributed.start_processes()
    assert not left
    jax.distributed.shutdown()
    assert left == [True]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("localhost", port))
