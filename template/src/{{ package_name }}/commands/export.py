"""Export a run's model as StableHLO, which runs without this project's code."""

import argparse
from pathlib import Path

from ..errors import UserError

HELP = "export a run's model as StableHLO"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="the run")
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
    from ..storage.run_directory import RunDirectory

    folder, record = arguments.output, RunDirectory(arguments.run_dir).data_set
    standing = [name for name in (MODEL, SIGNATURE) if (folder / name).exists()]
    if standing and not arguments.overwrite:
        raise UserError(f"{folder} holds {standing[0]}: give --overwrite to replace it")

    from ..storage.exports import write_export
    from ..training.evaluation import inference_model
    from ._run import asking, open_run, prediction_of

    program, state, step = open_run(arguments.run_dir)
    experiment = program.experiment
    prediction = prediction_of(experiment)
    model = inference_model(program.blueprint.graphdef, state, experiment.precision)
    with asking(experiment.data):
        specs = prediction.input_specs(experiment.data)
    origin = {"run": str(arguments.run_dir), "step": step}
    write_export(folder, prediction, model, specs, record, **origin)
    print(f"{folder / MODEL}, described by {SIGNATURE}; load it with jax.export.deserialize")
    return 0
