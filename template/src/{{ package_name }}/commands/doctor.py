"""Verify a run before it is trusted: its data and its checkpoints are those that were written."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from ..errors import UserError
from ..storage.run_directory import RunDirectory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="the run")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command: one line for each thing that was looked at.

    Returns:
        0 when nothing is damaged, else 1.

    Raises:
        UserError: There is no run, or its configuration cannot be read.
    """
    healthy = True
    for what, problem in _findings(RunDirectory(arguments.run_dir)):
        print(f"{what}: {problem or 'intact'}", flush=True)
        healthy &= problem is None
    return 0 if healthy else 1


def _findings(run: RunDirectory) -> Iterator[tuple[str, str | None]]:
    from .. import configuration
    from ..files import read_text
    from ..storage.dataset import DataSet
    from ..storage.digests import DIGESTS, find_damage
    from ..training.data_settings import Prepares

    if not run.config_json.exists():
        raise UserError(f"{run.path} holds no run; give the --run-dir of one")
    run.refuse_links()
    config = configuration.load_json(read_text(run.config_json))
    data = configuration.build(config).data
    if isinstance(data, Prepares):
        try:
            yield f"data {data.directory}", DataSet.open(Path(data.directory)).find_damage()
        except UserError as error:
            yield f"data {data.directory}", str(error)
    folders = (path for path in run.checkpoints.glob("*") if path.name.isdecimal())
    for folder in sorted(folders, key=lambda path: int(path.name)):
        unchecked = "" if (folder / DIGESTS).exists() else " (which has no digests)"
        yield f"checkpoint {folder.name}{unchecked}", find_damage(folder)
