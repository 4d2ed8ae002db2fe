"""Train an experiment, or go on with one that was interrupted."""

import argparse
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ..storage.run_directory import RunDirectory
from .config import add_config_option

if TYPE_CHECKING:
    import fiddle as fdl

    from ..training.experiment import Experiment


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
    from .. import configuration, experiments

    config = configuration.compose(arguments.config, experiments)
    experiment = configuration.build(config)
    directory = arguments.run_dir or Path("runs") / _name(arguments.config)

    import signal

    import jax

    from ..parallel.distributed import failing_together, start_processes
    from ..storage.environment import record_start
    from ..training.loop import train

    start_processes()
    mesh = experiment.make_mesh()  # complains before there are data and a run directory
    run_directory = RunDirectory(directory)
    with contextlib.ExitStack() as held:
        with failing_together():
            if jax.process_index() == 0:
                held.enter_context(run_directory.lock())
                _keep_config(run_directory, config, arguments.allow_config_change)
                record_start(run_directory.environment, run_directory.git_diff)
                _keep_data(run_directory, experiment, arguments.allow_config_change)
        outcome = train(experiment, run_directory, mesh)
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


def _name(directives: list[str]) -> str:
    """The experiment's name, for its run directory."""
    kind, _, expression = (directives or ["config:base"])[0].partition(":")
    if kind == "config_file":
        return Path(expression).absolute().parent.name
    return expression.partition("(")[0] if kind == "config" else "base"


def _keep_config(run: RunDirectory, config: "fdl.Config", allow_change: bool) -> None:
    """Save the configuration of a new run; check that of one that is resumed."""
    from .. import configuration
    from ..files import write_atomically

    if run.config_json.exists() and not allow_change:
        started_with = configuration.load_json(run.config_json.read_text(encoding="utf-8"))
        try:
            configuration.check_resume(started_with, config)
        except UserError as error:
            raise UserError(f"{run.path}: {error}, or give --allow-config-change") from error
    write_atomically(run.config_text, configuration.flatten(config))
    write_atomically(run.config_json, configuration.dump_json(config))


def _keep_data(run: RunDirectory, experiment: "Experiment", allow_change: bool) -> None:
    """Record the data of a new run, the sample where there is none; check that of a resumed one."""
    from ..storage.data_record import record_data_set
    from ..training.data_settings import KeepsFiles, KnowsModels, Prepares, fingerprint_of, info_of

    data = experiment.data
    if isinstance(data, Prepares) and not data.exists():
        print(f"no data set in {data.directory} yet: preparing the bundled sample")
        print(data.prepare_sample(progress=True))
    if isinstance(data, KnowsModels):
        for field, source in experiment.sources.items():
            data.check_run(Path(source), f"{field}: {source}")
    if isinstance(data, KeepsFiles):
        data.keep_files(run.path)
    fingerprint = fingerprint_of(data)
    if fingerprint is None:
        print("data has no fingerprint(): other data will go unnoticed when this run is resumed")
    record_data_set(run.data_set, fingerprint, info_of(data), allow_change=allow_change)
