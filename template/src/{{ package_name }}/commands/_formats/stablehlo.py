"""StableHLO, which runs without this project's code."""

from pathlib import Path

from ...storage.run_directory import RunDirectory
from ...training.export import MODEL, SIGNATURE, export
from ...training.program import Program
from ...training.state import TrainState

FILES = (MODEL, SIGNATURE)


def write(program: Program, state: TrainState, step: int, folder: Path, run: RunDirectory) -> str:
    """Export a model, and say what was written."""
    export(program, state, step, folder, run)
    return f"{folder / MODEL}, described by {SIGNATURE}; load it with jax.export.deserialize"
