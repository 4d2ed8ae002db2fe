"""Export a run's model as StableHLO, which runs without this project's code."""

import argparse
from pathlib import Path

from ..errors import UserError
from ._run import add_run_options

HELP = "export a run's model as StableHLO"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_run_options(parser)
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder of the exported files"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the export that stands there"
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command.

    Returns:
        The exit code.

    Raises:
        UserError: The run cannot be used, or the folder holds an export already.
    """
    from ..storage.exports import MODEL, SIGNATURE

    folder = arguments.output
    standing = [name for name in (MODEL, SIGNATURE) if (folder / name).exists()]
    if standing and not arguments.overwrite:
        raise UserError(f"{folder} holds {standing[0]}: give --overwrite to replace it")

    from ..storage.run_directory import RunDirectory
    from ._run import asking, open_chosen

    program, state, step = open_chosen(arguments)
    with asking(program.experiment.data):
        program.export(state, folder, RunDirectory(arguments.run_dir), step)
    print(f"{folder / MODEL}, described by {SIGNATURE}; load it with jax.export.deserialize")
    return 0
