"""Export a run's model as StableHLO, which runs without this project's code."""

import argparse
from pathlib import Path

from ..errors import UserError
from ._run import add_run_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_run_options(parser)
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder of the exported files"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the export that stands there"
    )


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command.

    Raises:
        UserError: The run cannot be used, or the folder holds an export already.
    """
    from ..storage.exports import MODEL, SIGNATURE

    folder = arguments.output
    if (folder / MODEL).exists() and not arguments.overwrite:
        raise UserError(f"{folder} holds {MODEL}: give --overwrite to replace it")

    from ..storage.run_directory import RunDirectory
    from ._run import asking, open_chosen

    program, state, step = open_chosen(arguments)
    with asking(program.experiment.data):
        program.export(state, folder, RunDirectory(arguments.run_dir), step)
    print(f"{folder / MODEL}, described by {SIGNATURE}; load it with jax.export.deserialize")
