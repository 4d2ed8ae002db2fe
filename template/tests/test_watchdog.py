"""A run that hangs leaves the stacks of its threads, ends if asked, and is resumed."""

import os
import subprocess
import sys
import time

import pytest

from . import tiny, tiny_task
from .project import command_line, package, reporting, training

Watchdog = training.watchdog.Watchdog

HANGS = """
import ctypes, importlib, sys, time
name, how, *words = sys.argv[1:]
loop = importlib.import_module(f"{name}.training.loop")
training_batches = loop.training_batches

class Hanging:
    def __init__(self, experiment):
        self.batches, self.left = training_batches(experiment), 7
        self.get_state, self.set_state = self.batches.get_state, self.batches.set_state
    def __iter__(self):
        return self
    def __next__(self):
        self.left -= 1
        if not self.left:  # PyDLL keeps the interpreter to itself
            time.sleep(900) if how == "waiting" else ctypes.PyDLL(None).sleep(900)
        return next(self.batches)

loop.training_batches = Hanging
sys.exit(importlib.import_module(f"{name}.__main__").main(words))
"""


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    data = tiny.prepare(tmp_path_factory.mktemp("data"))
    changes = ("mesh.data=8", "loop.eval_every=10", *tiny_task.RANDOM)
    return [f"--config={each}" for each in tiny.directives(data, *changes)]


@pytest.fixture(scope="module")
def whole(words, tmp_path_factory):
    """The numbers of a run that never hung."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    assert command_line.main(["train", "--run-dir", str(run), *words]) == 0
    return numbers(run)


def numbers(run):
    clock = ("time", "_per_second")
    rows = reporting.writers.read_metrics(run / "metrics.jsonl")
    return [{name: row[name] for name in row if not name.endswith(clock)} for row in rows]


@pytest.mark.parametrize(("how", "code"), [("waiting", training.watchdog.HUNG), ("holding", 1)])
def test_a_hang_ends_the_process_and_the_run_is_resumed(words, whole, tmp_path, how, code):
    run = tmp_path / "run"
    command = ["train", "--run-dir", str(run), *words]
    watched = ("--config=set:loop.hang_seconds=12", "--config=set:loop.end_when_hung=true")
    ended = subprocess.run(
        [sys.executable, "-c", HANGS, package.__name__, how, *command, *watched],
        env={**os.environ, "JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "8"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    stacks = (run / "hang-0.txt").read_text()
    assert "in __next__" in stacks and "in _loop" in stacks and "in _watch" in stacks
    told = f"no step for 12 seconds: see the stacks in {run / 'hang-0.txt'}; ending with exit code"
    assert ended.stderr.count(told) == (how == "waiting")
    saved = [int(path.name) for path in (run / "checkpoints").iterdir() if path.name.isdigit()]
    assert max(saved) == 6 or (how == "holding" and max(saved) == 4)  # 6 is still written
    assert command_line.main(command) == 0
    assert numbers(run) == whole


def test_it_speaks_once_for_each_silence(tmp_path, capsys):
    path = tmp_path / "hang.txt"
    watchdog = Watchdog(0.2, False, path)
    with watchdog.watching():
        for _ in range(2):
            watchdog.alive()
            time.sleep(1)
    assert capsys.readouterr().err.count("no step for 0.2 seconds") == 2
    assert path.read_text().count(f"UTC, process {os.getpid()}") == 2


@pytest.mark.parametrize("seconds", [None, 60.0])
def test_nothing_is_left_of_a_run_that_does_not_hang(tmp_path, capsys, seconds):
    watchdog = Watchdog(seconds, True, tmp_path / "hang.txt")
    with pytest.raises(ZeroDivisionError), watchdog.watching():
        _ = 1 / 0
    assert not list(tmp_path.iterdir()) and not capsys.readouterr().err
