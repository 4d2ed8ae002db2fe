"""Whether data and checkpoints are what was written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...storage.data_record import data_record
from ...storage.dataset import DataSet
from ...storage.digests import DIGESTS, find_damage
from ...storage.retention import saved_steps
from ...storage.run_directory import RunDirectory
from ...training.data_settings import Prepares, fingerprint_of, info_of
from .finding import Finding


def check_data(data: Any, run: RunDirectory | None) -> Iterator[Finding]:
    """Compare all records with their digests, and with what a run was trained on.

    Raises:
        UserError: The data cannot be read, or is not that of the run.
    """
    what = "data"
    if isinstance(data, Prepares):
        what = f"data {data.directory}"
        if run is None and not data.exists():
            said = "none yet: run prepare, or train, which prepares the bundled sample"
            yield Finding(what, said, "warning")
            return
        problem = DataSet.open(Path(data.directory)).find_damage()
        if problem:
            yield Finding(what, problem, "wrong")
            return
    if run is not None:
        data_record(run.data_set, fingerprint_of(data), info_of(data), allow_change=False)
    yield Finding(what, "intact")


def check_checkpoints(run: RunDirectory) -> Iterator[Finding]:
    """Compare the files of all checkpoints with their digests."""
    for step in saved_steps(run.checkpoints):
        folder = run.checkpoints / str(step)
        what, problem = f"checkpoint {step}", find_damage(folder)
        if problem:
            said = f"{problem}: train moves it aside and goes on from the one before"
            yield Finding(what, said, "wrong")
        elif (folder / DIGESTS).exists():
            yield Finding(what, "intact")
        else:
            said = "has no digests to be compared with: an earlier release wrote it, or "
            yield Finding(what, f"{said}checkpoint.digests is false", "warning")
