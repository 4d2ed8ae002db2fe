"""Two processes on one machine train as one process does."""

import json
import os
import re
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
from .project import command_line, package, parallel, reporting, storage
from .recorded import record
from .test_rollback import spoil

EXACT = ("precision.param_dtype=float32", "precision.compute_dtype=float32")
BAD = range(3, 6)
GOING_BACK = (*EXACT, "safety.max_consecutive_skips=3")


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


TRAIN_ALL = """
import importlib, json, sys
import pytest
from tests.recorded import record
main = importlib.import_module(f"{sys.argv[1]}.__main__").main
for words in sys.argv[2:]:
    with pytest.MonkeyPatch.context() as patch:
        taken = record(patch)
        print("code:", main(words.splitlines()))
        print("taken:", json.dumps(taken))
"""
SPOILED = f"""
import pytest
from tests.test_rollback import spoil
spoil(pytest.MonkeyPatch(), bad={BAD})
{TRAIN_ALL}"""


def words(run, directives):
    """A command that trains, a word on each line."""
    return "\n".join(["train", f"--run-dir={run}", *(f"--config={each}" for each in directives)])


def start(number, port, program, *commands):
    """One of two processes with a device each, which carry out the same commands."""
    return subprocess.Popen(
        [sys.executable, "-c", program, package.__name__, *commands],
        cwd=Path(__file__).parents[1],
        env={**os.environ, **together(port, number, 2), "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def in_two_processes(*commands, program=TRAIN_ALL):
    """Carry out commands that train; what each process says, and what both took in each of them."""
    port = free_port()
    processes = [start(number, port, program, *commands) for number in (0, 1)]
    outputs = [process.communicate(timeout=600)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    shares = [re.findall("^taken: (.*)", output, re.MULTILINE) for output in outputs]
    # Each has every other example.
    taken = [
        [
            [example for pair in zip(*batch, strict=True) for example in pair]
            for batch in zip(*map(json.loads, each), strict=True)
        ]
        for each in zip(*shares, strict=True)
    ]
    return outputs, taken


def left_at(step, run, folder):
    """A copy of a run as if it had been killed before its next checkpoint."""
    copy = storage.run_directory.RunDirectory(shutil.copytree(run, folder))
    for later in storage.retention.saved_steps(copy.checkpoints):
        if later > step:
            shutil.rmtree(copy.checkpoints / str(later))
    return copy.path


def train(run, data, monkeypatch):
    """Train in this process, on its eight devices; the examples that each step took."""
    with monkeypatch.context() as patch:
        spoil(patch, bad=BAD)
        taken = record(patch)
        command = words(run, tiny.directives(data, *GOING_BACK, "mesh.data=8"))
        assert command_line.main(command.splitlines()) == 0
    return taken


def losses(folder):
    """The training loss of each step; they have to be the ten of the tiny experiment."""
    rows = reporting.writers.read_metrics(folder / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(1, 11))
    return [row["train/loss"] for row in rows]


def test_two_processes_train_as_one_and_either_goes_on_from_the_other(tmp_path, monkeypatch):
    """All of them go back from the same bad batches."""
    data = tiny.prepare(tmp_path)
    alone, pair = tmp_path / "alone", tmp_path / "pair"
    taken = train(alone, data, monkeypatch)
    joined = left_at(6, alone, tmp_path / "joined")
    outputs, (of_two, of_none, after_one) = in_two_processes(
        words(pair, tiny.directives(data, *GOING_BACK)),
        words(pair, tiny.directives(data, *GOING_BACK, "seed=7")),
        words(joined, tiny.directives(data, *GOING_BACK)),
        program=SPOILED,
    )
    codes = [re.findall("^code: (.*)", output, re.MULTILINE) for output in outputs]
    assert codes == [["0", "2", "0"]] * 2, outputs
    assert (of_two, of_none, after_one) == (taken, [], taken[-4:])
    for run in (pair, joined):
        assert losses(run) == pytest.approx(losses(alone), rel=1e-5)
    told = [json.loads((run / "rollbacks.json").read_text())[0]["batches"] for run in (pair, alone)]
    assert told[0] == told[1] and list(told[0]) == ["3", "4", "5"]

    # What only the first process can see, that the run was started with another seed, ends both.
    assert "was started with another configuration (seed: " in outputs[0]
    assert "another process of this run cannot go on" in outputs[1]

    # The digests of a checkpoint are those of the files of both.
    newest = pair / "checkpoints" / "10"
    assert storage.digests.find_damage(newest) is None
    digests = json.loads((newest / "digests.json").read_text())
    assert {"state/array_metadatas/process_0", "state/array_metadatas/process_1"} <= digests.keys()

    # One process goes on from what two have saved: the state, and the position in the data.
    left = left_at(6, pair, tmp_path / "left")
    assert train(left, data, monkeypatch) == taken[-4:]
    assert losses(left) == pytest.approx(losses(alone), rel=1e-5)


TRAIN = """
import importlib, sys
sys.exit(importlib.import_module(f"{sys.argv[1]}.__main__").main(sys.argv[2:]))
"""


def test_an_interrupt_of_one_process_ends_both_with_a_checkpoint(tmp_path):
    data, port = tiny.prepare(tmp_path), free_port()
    run = storage.run_directory.RunDirectory(tmp_path / "run")
    changes = ("loop.steps=100000", "checkpoint.every=100000", "loop.eval_every=100000")
    command = words(run.path, tiny.directives(data, *EXACT, *changes)).splitlines()
    processes = [start(number, port, TRAIN, *command) for number in (0, 1)]
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
