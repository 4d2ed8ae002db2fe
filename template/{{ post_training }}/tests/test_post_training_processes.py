"""Two processes on one machine make the steps of Tunix as one process does."""

import os
import subprocess
import sys

import pytest

from . import tiny_methods
from .project import package, reporting
from .test_processes import EXACT, free_port, together

TRAIN_ALL = """
import importlib, sys
main = importlib.import_module(f"{sys.argv[1]}.__main__").main
for words in sys.argv[2:]:
    print("code:", main(words.splitlines()))
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_methods.prepare(tmp_path_factory.mktemp("data"))


def words(run, method, data, *changes):
    """A command that trains, a word on each line."""
    directives = tiny_methods.directives(method, data, *EXACT, *changes)
    return "\n".join(["train", f"--run-dir={run}", *(f"--config={each}" for each in directives)])


def metrics(run):
    """What does not depend on the clock, or on the sign of a margin that is nearly 0."""
    rows = reporting.writers.read_metrics(run / "metrics.jsonl")
    return [
        {
            name: value
            for name, value in row.items()
            if name != "time" and not name.endswith(("_per_second", "accuracy"))
        }
        for row in rows
    ]


def test_two_processes_train_as_one(data, tmp_path):
    """From random weights, from those of a run before as the reference, and with a teacher."""
    first = tmp_path / "alone" / "sft"
    sizes = ("d_model=32", "num_heads=2", "d_ff=64")
    changes = {
        "sft": (),
        "dpo": (f"start_from={first}", "loop.micro_batches=2"),
        "distill": (
            f"method.teacher={first}",
            *(f"method.teacher_model.{size}" for size in sizes),
        ),
    }
    for method, more in changes.items():
        experiment = tiny_methods.make(method, data, *EXACT, *more)
        tiny_methods.train(experiment, tmp_path / "alone" / method)
    pair = tmp_path / "pair"
    commands = [words(pair / method, method, data, *more) for method, more in changes.items()]
    port = free_port()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TRAIN_ALL, package.__name__, *commands],
            env={**os.environ, **together(port, number, 2), "JAX_PLATFORMS": "cpu"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in (0, 1)
    ]
    outputs = [process.communicate(timeout=600)[0] for process in processes]
    assert [output.count("code: 0\n") for output in outputs] == [3, 3], outputs
    for method in changes:
        alone, together_ = metrics(tmp_path / "alone" / method), metrics(pair / method)
        assert [row["step"] for row in alone] == [1, 2, 3, 4]
        for one, other in zip(together_, alone, strict=True):
            assert one == pytest.approx(other, rel=1e-4, abs=1e-5), method
