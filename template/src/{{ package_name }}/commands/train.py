"""Train an experiment, or go on with one that was interrupted."""

import argparse
import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from ..errors import UserError
from ..storage.retention import saved_steps
from ..storage.run_directory import RunDirectory
from .config import add_config_option

if TYPE_CHECKING:
    import fiddle as fdl

    from ..training.experiment import Experiment
    from ..training.loop import Outcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_config_option(parser)
    parser.add_argument(
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="folder of the run (default: runs/ and the experiment's name)",
    )
    parser.add_argument(
        "--allow-config-change",
        action="store_true",
        help="resume although fields or data differ that change what is computed",
    )
    parser.add_argument(
        "--from-scratch",
        action="store_true",
        help="begin anew: what is in the folder of the run moves to a numbered one beside it",
    )
    parser.add_argument(
        "--exit-code-when-stopped",
        type=int,
        default=0,
        metavar="N",
        help="for launchers: what a run ends with that SIGTERM stopped, saved and incomplete",
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command.

    Returns:
        0 when the run is complete; what `--exit-code-when-stopped` says, 0 by default, when it was
        ended by SIGTERM with everything saved; 130 after Ctrl-C.
    """
    directory = arguments.run_dir or Path("runs") / _name(arguments.config)

    def stopped(number: int) -> int:
        name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
        print(f"stopped by {name}; {_state(RunDirectory(directory))}", flush=True)
        return 130 if number == signal.SIGINT else arguments.exit_code_when_stopped

    try:
        with _signals_telling(stopped):
            outcome = _train(arguments, RunDirectory(directory))
    except KeyboardInterrupt:
        return stopped(signal.SIGINT)
    if outcome.reason is not None:
        print(f"stopped after step {outcome.step}: {outcome.reason}; see {directory}")
        return 0
    if outcome.signal is None:
        print(f"finished after {outcome.step} steps; see {directory}")
        return 0
    if outcome.step:
        print(f"stopped after step {outcome.step}, which is saved; the same command resumes")
    else:
        print("stopped before the first step")
    return 130 if outcome.signal == signal.SIGINT else arguments.exit_code_when_stopped


def _train(arguments: argparse.Namespace, run: RunDirectory) -> "Outcome":
    from .. import configuration, experiments

    config = configuration.compose(arguments.config, experiments)
    experiment = configuration.build(config)

    import jax

    from ..parallel.distributed import failing_together, start_processes
    from ..training.loop import train

    start_processes()
    mesh = experiment.make_mesh()  # complains before there are data and a run directory
    old, record = None, ""

    def begin() -> None:
        if old is not None:
            print(f"what was in {run.path} is in {old} now")
        _begin(run, config, experiment.data, record)

    with contextlib.ExitStack() as held:
        with failing_together():
            if jax.process_index() == 0:
                if arguments.from_scratch:
                    old = held.enter_context(run.moved_aside())
                held.enter_context(run.lock())
                check_whole(run)
                _check_config(run, config, arguments.allow_config_change)
                record = _check_data(run, experiment, arguments.allow_config_change)
        return train(experiment, run, mesh, begin)


@contextlib.contextmanager
def _signals_telling(stopped: Callable[[int], int]) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end what comes before the loop in order.

    With several processes they are JAX's, which tells all of them.

    Args:
        stopped: Says what a signal has ended, and what the command ends with.
    """
    if "JAX_COORDINATOR_ADDRESS" in os.environ:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        # What is raised while garbage is collected is printed and forgotten: SIGTERM comes once.
        if number == signal.SIGTERM:
            os._exit(stopped(number))
        while frame is not None:
            # A library whose import is broken off may crash when it is imported again.
            if frame.f_code.co_filename.startswith("<frozen importlib"):
                os._exit(stopped(number))
            frame = frame.f_back
        raise KeyboardInterrupt

    usual = (signal.SIG_DFL, signal.default_int_handler)  # neither ignored nor somebody else's
    found = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    found = {number: handler for number, handler in found.items() if handler in usual}
    for number in found:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in found.items():
            signal.signal(number, handler)


def _state(run: RunDirectory) -> str:
    """What the same command will do, in words."""
    if saved := saved_steps(run.checkpoints):
        return f"everything up to step {saved[-1]} is saved, and the same command goes on from it"
    return "nothing is saved yet, and the same command begins anew"


def _name(directives: list[str]) -> str:
    """The experiment's name, for its run directory."""
    kind, _, expression = (directives or ["config:base"])[0].partition(":")
    if kind == "config_file":
        return Path(expression).absolute().parent.name
    return expression.partition("(")[0] if kind == "config" else "base"


def check_whole(run: RunDirectory) -> None:
    """Refuse a run that has lost what it would else begin anew without, or go on unchecked."""
    from ..reporting.writers import read_metrics

    saved, lost = saved_steps(run.checkpoints), None
    if saved and run.config_json.exists():
        return  # without reading the metrics, which may be many
    rows = read_metrics(run.metrics)
    if not run.config_json.exists() and (rows or saved):
        lost = run.config_json
    # The second checkpoint is not begun before the first is complete.
    elif rows:
        every = run.config().get("checkpoint.every")
        if not run.checkpoints.is_dir() or (every and rows[-1]["step"] > 2 * every):
            lost = run.checkpoints
    if lost:
        raise UserError(
            f"{lost}: what the run kept there is gone; put it back, or begin anew with "
            "--from-scratch, which moves the rest of the run aside"
        )


def _check_config(run: RunDirectory, config: "fdl.Config", allow_change: bool) -> None:
    """Check that a run that is resumed goes on with the configuration that it was started with."""
    from .. import configuration

    if not run.config_json.exists():
        # A start that was given up may have kept other weights to begin with.
        shutil.rmtree(run.path / "start", ignore_errors=True)
    elif not allow_change:
        started_with = configuration.load_file(run.config_json)
        try:
            configuration.check_resume(started_with, config)
        except UserError as error:
            raise UserError(f"{run.path}: {error}, or give --allow-config-change") from error


def _check_data(run: RunDirectory, experiment: "Experiment", allow_change: bool) -> str:
    """The record of the run's data, the sample where there is none; that of a resumed run fits."""
    from ..storage.data_record import data_record
    from ..training.data_settings import KnowsModels, Prepares, fingerprint_of, info_of

    data = experiment.data
    if isinstance(data, Prepares) and not data.exists():
        if known := info_of(data):
            experiment.fitted(known)  # complains before anything is written
        print(f"no data set in {data.directory} yet: preparing the bundled sample")
        print(data.prepare_sample(progress=True))
    if isinstance(data, KnowsModels):
        data.check_run(run.path, "the run")
        for field, source in experiment.sources.items():
            data.check_run(Path(source), f"{field}: {source}")
    fingerprint = fingerprint_of(data)
    if fingerprint is None:
        print("data has no fingerprint(): other data will go unnoticed when this run is resumed")
    return data_record(run.data_set, fingerprint, info_of(data), allow_change=allow_change)


def _begin(run: RunDirectory, config: "fdl.Config", data: object, record: str) -> None:
    """Write down what the run is made with."""
    from .. import configuration
    from ..files import write_atomically
    from ..storage.environment import record_start
    from ..training.data_settings import KeepsFiles

    if isinstance(data, KeepsFiles):
        data.keep_files(run.path)
    write_atomically(run.config_text, configuration.flatten(config))
    write_atomically(run.config_json, configuration.dump_json(config))
    write_atomically(run.data_set, record)
    record_start(run.environment, run.git_diff)
