"""Two processes on one machine make the steps of Tunix as one process does."""

import pytest

from . import tiny_methods
from .project import configuration, experiments, reporting
from .test_processes import EXACT, in_two_processes, left_at, words

EVERY = ("checkpoint.every=2",)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny_methods.prepare(tmp_path_factory.mktemp("data"))


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


def train(folder, method, data, *changes):
    """Train in this process, on one device."""
    tiny_methods.train(tiny_methods.make(method, data, *EXACT, *EVERY, *changes), folder)


def command(folder, method, data, *changes):
    """A command that trains, a word on each line."""
    return words(folder, tiny_methods.directives(method, data, *EXACT, *EVERY, *changes))


def test_two_processes_train_as_one_and_either_goes_on_from_the_other(data, tmp_path):
    """From random weights, from those of a run before as the reference, and with a teacher."""
    alone, pair, joined, left = (tmp_path / name for name in ("alone", "pair", "joined", "left"))
    sizes = ("d_model=32", "num_heads=2", "d_ff=64")
    changes = {
        "sft": (),
        "dpo": (f"start_from={alone / 'sft'}", "loop.micro_batches=2"),
        "distill": (
            f"method.teacher={alone / 'sft'}",
            *(f"method.teacher_model.{size}" for size in sizes),
        ),
    }
    for method, more in changes.items():
        train(alone / method, method, data, *more)
    commands = [command(pair / method, method, data, *more) for method, more in changes.items()]
    for method in ("sft", "dpo"):
        left_at(2, alone / method, joined / method)
        directives = tiny_methods.directives(method, data, *EXACT, *EVERY, *changes[method])
        started_with = configuration.compose(directives, experiments)
        (joined / method / "config.json").write_text(configuration.dump_json(started_with))
        commands.append(command(joined / method, method, data, *changes[method]))
    outputs, _ = in_two_processes(*commands)
    assert [output.count("code: 0\n") for output in outputs] == [5, 5], outputs
    assert [output.count("resuming after step 2 of 4") for output in outputs] == [2, 0]
    for method in ("sft", "dpo"):
        left_at(2, pair / method, left / method)
        train(left / method, method, data, *changes[method])
    for run in (path.parent for path in tmp_path.glob("*/*/metrics.jsonl")):
        found, expected = metrics(run), metrics(alone / run.name)
        assert [row["step"] for row in found] == [1, 2, 3, 4]
        for one, other in zip(found, expected, strict=True):
            assert one == pytest.approx(other, rel=1e-4, abs=1e-5), run
            assert one["train/loss"] == pytest.approx(other["train/loss"], rel=1e-5), run
