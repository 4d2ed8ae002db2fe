"""Verify an experiment before it is run, or a run before it is trusted; nothing is written."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..storage.run_directory import RunDirectory
from ._run import saved_config
from .config import add_config_option
from .train import check_whole

if TYPE_CHECKING:
    import fiddle as fdl

    from ..training.experiment import Experiment
    from ._checks.finding import Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_config_option(parser)
    parser.add_argument(
        "--run-dir",
        type=Path,
        metavar="DIR",
        help="a run, with its own configuration unless --config gives one it is to go on with",
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command: one line for each thing that was looked at.

    Returns:
        0 when nothing is wrong, else 1.

    Raises:
        UserError: There is no run, or the configuration cannot be read.
    """
    from .. import configuration

    there = None if arguments.run_dir is None else RunDirectory(arguments.run_dir)
    config = _config(there, arguments.config)
    healthy = True
    for what, said, level in _findings(there, config, configuration.build(config)):
        print(f"{level:8} {what}: {said}", flush=True)
        healthy &= level != "wrong"
    return 0 if healthy else 1


def _config(run: RunDirectory | None, directives: list[str]) -> "fdl.Config":
    from .. import configuration, experiments

    if run is not None and not directives:
        return saved_config(run)
    if run is not None:
        run.refuse_links()
    return configuration.compose(directives, experiments)


def _findings(
    run: RunDirectory | None, config: "fdl.Config", experiment: "Experiment"
) -> "Iterator[Finding]":
    from ._checks.finding import tried
    from ._checks.launcher import check_launcher
    from ._checks.stored import check_checkpoints, check_data
    from ._checks.versions import check_versions

    yield from tried("versions", lambda: check_versions(run))
    launcher = check_launcher(os.environ)
    yield launcher
    if run is not None:
        yield from tried("run", lambda: _check_run(run, config))
    usable = True
    for finding in tried("data", lambda: check_data(experiment.data, run)):
        usable &= finding.level == "ok"
        yield finding
    if run is not None:
        yield from tried("checkpoints", lambda: check_checkpoints(run))
    if launcher.level == "ok":
        yield from tried("mesh", lambda: _check_machine(run, experiment, usable))


def _check_run(run: RunDirectory, config: "fdl.Config") -> "Iterator[Finding]":
    """What `train` looks at before it goes on with a run."""
    from .. import configuration
    from ._checks.finding import Finding

    check_whole(run)
    if run.config_json.exists():
        configuration.check_resume(configuration.load_file(run.config_json), config)
    yield Finding("run", "complete as far as it went" if run.config_json.exists() else "new")


def _check_machine(
    run: RunDirectory | None, experiment: "Experiment", usable: bool
) -> "Iterator[Finding]":
    """Devices, and what the experiment takes of them; without usable data not how much."""
    import jax

    from ..parallel.distributed import start_processes
    from ..training.data_settings import info_of
    from ..training.program import make_program
    from ._checks.finding import Finding, tried
    from ._checks.room import check_disk, check_memory
    from ._checks.versions import check_platform

    start_processes()
    try:
        platform, count = jax.default_backend(), jax.device_count()
    except RuntimeError as error:  # JAX's, where a platform was asked for that is not there
        yield Finding("devices", " ".join(str(error).split()), "wrong")
        return
    yield from tried("devices", lambda: check_platform(run, platform, count))
    mesh = experiment.make_mesh()
    shape = " by ".join(f"{name}={size}" for name, size in mesh.shape.items())
    if not usable:
        yield Finding("mesh", f"{shape}; memory and disk are looked at once there is data")
        return
    path = run.path if run is not None else Path("runs") / "new"
    program = make_program(experiment.fitted(info_of(experiment.data)), mesh, path)
    yield Finding("mesh", f"{shape}, a batch of {experiment.data.batch_size} divides over it")
    yield check_disk(program.layout.abstract, experiment.checkpoint, path / "checkpoints")
    yield from tried("memory", lambda: (check_memory(program),))
