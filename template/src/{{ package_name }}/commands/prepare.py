"""Prepare the data set that the other commands read."""

import argparse

from .. import sources
from ..errors import UserError
from .config import add_config_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; those that say where the data comes from are the task's."""
    sources.add_arguments(parser)
    add_config_option(parser)
    parser.add_argument(
        "--output",
        metavar="DIR",
        help="where the data set will stand (default: data.directory of the configuration)",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the data set that stands there"
    )


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command.

    Raises:
        UserError: The source or the output cannot be used, or the experiment's data is not
            prepared; nothing was changed.
    """
    source = sources.from_arguments(arguments)
    from .. import configuration, experiments
    from ..training.data_settings import Prepares

    directives = list(arguments.config)
    if arguments.output is not None:
        directives.append(f"set:data.directory={arguments.output!r}")
    data = configuration.build(configuration.compose(directives, experiments)).data
    if not isinstance(data, Prepares):
        raise UserError(
            f"the experiment's data, {type(data).__name__}, is read as it stands: there is nothing "
            "to prepare"
        )
    print(data.prepare(source, overwrite=arguments.overwrite, progress=True))
