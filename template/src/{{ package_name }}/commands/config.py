"""Show, compare and list configurations."""

import argparse
from pathlib import Path

from ..storage.run_directory import RunDirectory


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Add the repeatable option ``--config``, as all commands that take a configuration have it."""
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="DIRECTIVE",
        help="config:NAME picks an experiment (base by default), config_file:PATH a saved one; "
        "fiddler:NAME applies a variation; set:FIELD=VALUE sets a field; may be repeated",
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser("show", help="print every field, defaults marked")
    add_config_option(show)
    diff = actions.add_parser(
        "diff", help="print the fields that differ from another configuration"
    )
    add_config_option(diff)
    diff.add_argument(
        "--against",
        default="base",
        metavar="NAME|RUN_DIR",
        help="an experiment, or the folder of a run (default: base)",
    )
    actions.add_parser("list", help="print the experiments and the fiddlers")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command.

    Returns:
        The exit code.

    Raises:
        UserError: The configuration is not valid.
    """
    from .. import configuration, experiments

    if arguments.action == "list":
        print(configuration.catalogue_text(experiments), end="")
        return 0
    config = configuration.compose(arguments.config, experiments)
    experiment = configuration.build(config)
    if arguments.action == "diff":
        start = f"config:{arguments.against}"
        if Path(arguments.against).is_dir():
            start = f"config_file:{RunDirectory(Path(arguments.against)).config_json}"
        against = configuration.compose([start], experiments)
        for difference in configuration.differences(against, config):
            print(difference)
        return 0
    from ..training.data_settings import info_of
    from ..training.groups import describe_groups

    print(configuration.flatten(config), end="")
    print(describe_groups(experiment, info_of(experiment.data)), end="")
    return 0
