"""A run goes on with other devices, as if it had always had them or never lost the others."""

import numpy as np
import pytest

from . import tiny, tiny_task
from .project import reporting, storage, training
from .recorded import record
from .test_processes import EXACT, left_at

STEPS, SAVED = 10, 6


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.prepare(tmp_path_factory.mktemp("data"))


def train(data, folder, model, columns, fsdp=False):
    """Train to the end of the run on a mesh; the examples that each step took."""
    experiment = tiny.make(data, *EXACT, *tiny_task.SHARDING, f"mesh.fsdp={fsdp}")
    run = storage.run_directory.RunDirectory(folder)
    with pytest.MonkeyPatch.context() as patch, run.lock():
        taken = record(patch)
        training.loop.train(experiment, run, tiny.make_mesh(model, columns, fsdp))
    return taken


def losses(folder):
    rows = reporting.writers.read_metrics(folder / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    return [row["train/loss"] for row in rows]


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """A run on a column of eight devices, and what it took."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, train(data, folder, 1, 8)


@pytest.mark.parametrize(
    ("model", "columns", "fsdp"),
    [(2, 4, False), (1, 4, False), (1, 1, False), (2, 4, True)],
)
def test_eight_devices_may_become_others(data, whole, tmp_path, model, columns, fsdp):
    """What was done after the checkpoint is done again, elsewhere."""
    before, taken = whole
    run = left_at(SAVED, before, tmp_path / "run")
    assert train(data, run, model, columns, fsdp) == taken[SAVED:]
    np.testing.assert_allclose(losses(run), losses(before), rtol=1e-5)
