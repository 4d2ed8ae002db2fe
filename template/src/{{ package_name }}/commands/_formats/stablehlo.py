"""StableHLO, which runs without this project's code."""

from pathlib import Path

from ...storage.exports import MODEL, SIGNATURE
from ...storage.run_directory import RunDirectory
from ...training.program import Program
from ...training.state import TrainState

FILES = (MODEL, SIGNATURE)


def write(program: Program, state: TrainState, step: int, folder: Path, run: RunDirectory) -> str:
    """Export a model, and say what was written."""
    program.export(state, folder, run, step)
    return f"{folder / MODEL}, described by {SIGNATURE}; load it with jax.export.deserialize"
