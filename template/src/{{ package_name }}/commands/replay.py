"""Repeat a step of a run, and name the first module in it whose output is not finite."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UserError
from ._run import saved_config

if TYPE_CHECKING:
    from ..training.replay import Replayed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="the run")
    parser.add_argument("--step", type=int, required=True, metavar="N", help="the step")
    parser.add_argument(
        "--rollback",
        type=int,
        metavar="K",
        help="the step as it was before the K-th rollback, which passed over its batch",
    )


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command: go on from the checkpoint before the step, and write nothing.

    Raises:
        UserError: There is no such run or step, or its data are not there any more.
    """
    from .. import configuration
    from ..parallel.mesh import MeshSettings
    from ..storage.data_record import is_same_data
    from ..storage.run_directory import RunDirectory
    from ..training.data_settings import fingerprint_of
    from ..training.replay import replay

    directory = RunDirectory(arguments.run_dir)
    experiment = configuration.build(saved_config(directory))
    if not is_same_data(directory.data_set, fingerprint_of(experiment.data)):
        raise UserError(
            f"{directory.path}: the data are others than the run was trained on; put those back to "
            "repeat a step"
        )
    try:
        experiment.make_mesh()
    except UserError as error:
        print(f"not on the run's mesh, so numbers may differ in their last digits: {error}")
        experiment = experiment.model_copy(update={"mesh": MeshSettings()})
    found = replay(experiment, directory, arguments.step, arguments.rollback, print)
    print(f"{directory.path}, step {arguments.step}, batch {found.batch}")
    _tell(found)


def _tell(found: "Replayed") -> None:
    if found.broken:
        print(f"the batch itself: {found.broken}")
    for part in found.parts:
        print(f"{part.name or 'loss'}: {part.loss:.6g}")
        print(f"  first output that is not finite: {part.output or 'none'}")
        print(f"  first gradient that is not finite, going backwards: {part.gradient or 'none'}")
        for module, norm in part.norms.items():
            print(f"  gradient norm of {module}: {norm:.6g}")
    print("examples of the batch:" if found.origins else "the data do not tell their examples")
    for origin in found.origins:
        print(f"  {origin}")
