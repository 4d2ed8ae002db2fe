"""Opening a finished or half-finished run again, for the commands that use its model."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError

if TYPE_CHECKING:
    from ..training.experiment import Experiment
    from ..training.prediction import Prediction, Result
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
    from ..parallel.mesh import MeshSettings
    from ..storage.checkpoints import Checkpoints
    from ..storage.data_record import recorded_info
    from ..storage.run_directory import RunDirectory
    from ..training.data_settings import info_of
    from ..training.program import make_program

    run = RunDirectory(path)
    if not run.config_json.exists():
        raise UserError(f"{path} holds no run; give the --run-dir of one")
    config = configuration.load_json(run.config_json.read_text(encoding="utf-8"))
    experiment = configuration.build(config)
    # The devices may be fewer than those the run was trained on.
    experiment = experiment.model_copy(update={"mesh": MeshSettings()})
    experiment = experiment.fitted(recorded_info(run.data_set) or info_of(experiment.data))
    program = make_program(experiment, experiment.make_mesh(), path)
    with Checkpoints(run.checkpoints, experiment.checkpoint, read_only=True) as checkpoints:
        restored = checkpoints.restore(program.blueprint.abstract)
    if restored is None:
        raise UserError(f"{path} holds no checkpoint yet")
    step, state = restored
    return program, state, step


def prediction_of(experiment: "Experiment") -> "Prediction":
    """How the model of an experiment is used.

    Raises:
        UserError: The experiment does not say.
    """
    if experiment.prediction is None:
        raise UserError(
            "the experiment has no `prediction`: give it one in experiments.py, an object with the "
            "methods that training/prediction.py describes"
        )
    return experiment.prediction


@contextlib.contextmanager
def asking(data: object) -> Iterator[None]:
    """Let a prediction ask data for what it needs beyond batches, such as the length of examples.

    Raises:
        UserError: The data does not have it.
    """
    try:
        yield
    except AttributeError as error:
        if error.obj is not data:
            raise
        raise UserError(
            f"the experiment's `prediction` needs data.{error.name}, which {type(data).__name__} "
            "does not have"
        ) from error


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the commands that use a run's model: which run, and a picture."""
    parser.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="the run")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also draw the results: a .png")


def draw(prediction: "Prediction", path: Path, results: "list[Result]") -> None:
    """Draw results.

    Raises:
        UserError: There is no picture of this kind of prediction.
    """
    from ..training.prediction import Plots

    if not isinstance(prediction, Plots):
        raise UserError("--plot: the experiment's `prediction` has no method `plot`")
    prediction.plot(path, results)
    print(f"picture: {path}")
