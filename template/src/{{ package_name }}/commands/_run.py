"""Opening a finished or half-finished run again, for the commands that use its model."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError

if TYPE_CHECKING:
    from ..training.program import Program
    from ..training.state import TrainState


def open_run(path: Path) -> tuple["Program", "TrainState", int]:
    """Load the newest checkpoint of a run, onto this machine's devices.

    Use what it returns inside ``jax.set_mesh(program.mesh)``.

    Returns:
        The run's program, its state, and the step of the checkpoint.

    Raises:
        UserError: There is no such run, or no checkpoint in it.
    """
    from .. import configuration
    from ..parallel.mesh import MeshSettings, create_mesh
    from ..storage.checkpoints import Checkpoints
    from ..storage.run_directory import RunDirectory
    from ..training.program import make_program

    run = RunDirectory(path)
    if not run.config_json.exists():
        raise UserError(f"{path} holds no run; give the --run-dir of one")
    config = configuration.load_json(run.config_json.read_text(encoding="utf-8"))
    experiment = configuration.build(config)
    # The devices may be fewer than those the run was trained on.
    experiment = experiment.model_copy(update={"mesh": MeshSettings()})
    program = make_program(experiment, create_mesh(experiment.mesh))
    with Checkpoints(run.checkpoints, experiment.checkpoint, read_only=True) as checkpoints:
        restored = checkpoints.restore(program.blueprint.abstract)
    if restored is None:
        raise UserError(f"{path} holds no checkpoint yet")
    step, state = restored
    return program, state, step
