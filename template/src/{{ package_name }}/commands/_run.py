"""Opening a finished or half-finished run again, for the commands that use its model."""

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import UserError

if TYPE_CHECKING:
    import fiddle as fdl

    from ..storage.retention import Saved
    from ..storage.run_directory import RunDirectory
    from ..training.experiment import Experiment
    from ..training.prediction import Prediction, Result
    from ..training.program import Program
    from ..training.state import TrainState


class OpenRun(NamedTuple):
    """A run with one of its checkpoints; use it inside ``jax.set_mesh(program.mesh)``.

    Attributes:
        program: The compiled functions.
        state: The state of the checkpoint, with the weights that were asked for.
        step: The step of the checkpoint.
    """

    program: "Program"
    state: "TrainState"
    step: int


def open_run(
    path: Path,
    checkpoint: str = "newest",
    weights: "str | Callable[[Experiment], str]" = "trained",
) -> OpenRun:
    """Load a checkpoint of a run, onto this machine's devices.

    Predictions are calibrated by what the checkpoint holds for that.

    Args:
        path: The folder of the run.
        checkpoint: ``newest``, ``best``, or a step.
        weights: ``trained`` or ``ema``, or what says so by the run's experiment.

    Raises:
        UserError: There is no such run, no such checkpoint in it, no such weights, or they are not
            all finite.
    """
    from .. import configuration
    from ..hooks.calibration import calibrated, find_calibration
    from ..numerics.checks import check_finite
    from ..numerics.result import Err
    from ..parallel.mesh import MeshSettings
    from ..storage.checkpoints import Checkpoints
    from ..storage.data_record import recorded_info
    from ..storage.run_directory import RunDirectory
    from ..training.averaging import with_weights
    from ..training.data_settings import info_of
    from ..training.program import make_program

    run = RunDirectory(path)
    experiment = configuration.build(saved_config(run))
    # The devices may be fewer than those the run was trained on.
    experiment = experiment.model_copy(update={"mesh": MeshSettings()})
    recorded = recorded_info(run.data_set)
    info = {**recorded, "folder": str(path)} if recorded else info_of(experiment.data)
    experiment = experiment.fitted(info)
    if not isinstance(weights, str):
        weights = weights(experiment)
    program = make_program(experiment, experiment.make_mesh(), path)
    with Checkpoints(run.checkpoints, experiment.checkpoint, read_only=True) as checkpoints:
        step = _step(checkpoint, checkpoints.saved, experiment)
        restored = checkpoints.restore(program.layout.abstract, step=step)
    if restored is None:
        raise UserError(f"{path} holds no checkpoint yet")
    state, step = with_weights(restored.state, weights), restored.step
    checked = check_finite((state.params, state.variables), f"{path} after step {step}")
    if isinstance(checked, Err):
        folder = run.checkpoints / str(step)
        raise UserError(f"{checked.error}; delete {folder} to use the checkpoint before it")
    calibration = find_calibration(experiment, restored.hooks, weights)
    return OpenRun(calibrated(program, calibration), state, step)


def saved_config(run: "RunDirectory") -> "fdl.Config":
    """The configuration of a run, which nothing in its folder leads out of.

    Raises:
        UserError: There is no such run, or its configuration cannot be read.
    """
    from .. import configuration

    if not run.config_json.exists():
        raise UserError(f"{run.path} holds no run; give the --run-dir of one")
    run.refuse_links()
    return configuration.load_file(run.config_json)


def _step(checkpoint: str, saved: "Saved", experiment: "Experiment") -> int | None:
    """The step of a checkpoint; None for the newest."""
    from ..hooks.monitoring import BestCheckpoint

    if checkpoint == "newest":
        return None
    if checkpoint == "best":
        keeping = [hook for hook in experiment.hooks if isinstance(hook, BestCheckpoint)]
        best = [step for hook in keeping for step in hook.preserves(saved)]
        if not best:
            raise UserError(
                "--checkpoint best: the run has none; add the hook BestCheckpoint to the "
                "experiment's `hooks`, or give newest"
            )
        return best[0]
    if not checkpoint.isdigit() or int(checkpoint) not in saved:
        known = ", ".join(map(str, sorted(saved))) or "none"
        raise UserError(f"--checkpoint {checkpoint}: give newest, best, or a saved step ({known})")
    return int(checkpoint)


def open_chosen(
    arguments: argparse.Namespace, usual: "Callable[[Experiment], str]" = lambda _: "trained"
) -> OpenRun:
    """Open what the options of `add_run_options` say; see `open_run`.

    Args:
        arguments: The options.
        usual: The weights where no option says which.
    """
    return open_run(arguments.run_dir, arguments.checkpoint, arguments.weights or usual)


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
    """Add the options of all commands that use a run's model: which run, which weights."""
    parser.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="the run")
    parser.add_argument(
        "--checkpoint",
        default="newest",
        metavar="newest|best|STEP",
        help="which checkpoint (default: newest); the hook BestCheckpoint keeps the best",
    )
    parser.add_argument(
        "--weights",
        choices=("trained", "ema"),
        help="the trained weights (default), or the moving average that the hook EMA keeps",
    )


def tell_note(program: "Program") -> None:
    """Tell on standard error what people should know of how predictions are calibrated."""
    from ..hooks.calibration import note_of

    if note := note_of(program):
        print(f"note: {note}", file=sys.stderr)


def add_plot_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that asks for a picture."""
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


def draw_mistakes(prediction: "Prediction", path: Path, results: "Iterable[Result]") -> None:
    """Draw where a model goes wrong.

    Raises:
        UserError: There is no picture of that for this kind of prediction.
    """
    from ..training.prediction import DrawsMistakes

    if not isinstance(prediction, DrawsMistakes):
        raise UserError("--mistakes: the experiment's `prediction` has no method `draw_mistakes`")
    prediction.draw_mistakes(path, results)
    print(f"picture: {path}")
