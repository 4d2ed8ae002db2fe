"""Export a run's model, to be used without this project's code."""

import argparse
import importlib
import pkgutil
from pathlib import Path

from ..errors import UserError
from . import _formats
from ._run import add_run_options

FORMATS = sorted(found.name for found in pkgutil.iter_modules(_formats.__path__))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; a module of `_formats` is a format."""
    add_run_options(parser)
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder of the exported files"
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="stablehlo", help="of these files (default: stablehlo)"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the export that stands there"
    )


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command.

    Raises:
        UserError: The run cannot be used, or the folder holds an export already.
    """
    written = importlib.import_module(f".{arguments.format}", _formats.__name__)
    folder = arguments.output
    standing = [name for name in written.FILES if (folder / name).exists()]
    if standing and not arguments.overwrite:
        raise UserError(f"{folder} holds {standing[0]}: give --overwrite to replace it")

    from ..files import refuse_links
    from ..storage.run_directory import RunDirectory
    from ._run import asking, open_chosen

    refuse_links(*(path for path in folder.glob("*") if path.is_symlink() or not path.is_dir()))
    program, state, step = open_chosen(arguments)
    with asking(program.experiment.data):
        print(written.write(program, state, step, folder, RunDirectory(arguments.run_dir)))
