"""Evaluate a run's newest checkpoint on a held-out split, or on your own files."""

import argparse
import json
from pathlib import Path

from ..errors import UserError
from ._run import add_run_options

HELP = "evaluate a run's newest checkpoint on held-out data or on your own"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_run_options(parser)
    parser.add_argument(
        "--split",
        choices=("validation", "test"),
        default="test",
        help="which held-out split (default: test, which training never looks at)",
    )
    parser.add_argument(
        "--source",
        nargs="+",
        action="extend",
        metavar="GLOB",
        help="your files, with targets, instead of a split",
    )
    parser.add_argument(
        "--batches", type=int, metavar="N", help="only so many batches, spread over the split"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write a .json file")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command: print one line per metric.

    Returns:
        The exit code.

    Raises:
        UserError: The run or a file cannot be used.
    """
    from ..reporting.records import check_output

    check_output(arguments.output, ".json")
    check_output(arguments.plot, ".png")
    if arguments.source and arguments.batches:
        raise UserError("--batches goes with a split; files are evaluated whole")

    import jax

    from ..files import write_atomically
    from ..training.evaluation import inference_model, predict, split_chunks
    from ._run import asking, draw, open_run, prediction_of

    program, state, step = open_run(arguments.run_dir)
    experiment = program.experiment
    if arguments.source:
        where = " ".join(arguments.source)
        prediction = prediction_of(experiment)
        with asking(experiment.data):
            chunks = list(prediction.read(experiment.data, arguments.source, targets=True))
        batches = [chunk.batch for chunk in chunks]
    else:
        where = f"{arguments.split} split"
        batches = experiment.data.eval_batches(
            arguments.split, limit=arguments.batches, process=0, processes=1
        )
        chunks = split_chunks(batches)
    with jax.set_mesh(program.mesh), asking(experiment.data):
        metrics = program.evaluate(state, batches)
        start = program.baseline()
        before = None if start is None else program.evaluate(start, batches)
        print(f"{arguments.run_dir} after step {step}, {where}")
        if before is not None:
            print(f"{'':>16}  {'before':>8}  {'after':>8}")
        for name, value in metrics.items():
            numbers = [value] if before is None else [before[name], value]
            print(f"{name:>16}  " + "  ".join(f"{number:8.4f}" for number in numbers))
        if arguments.output is not None:
            told = {"run": str(arguments.run_dir), "step": step, "data": where, "metrics": metrics}
            told |= {} if before is None else {"before": before}
            write_atomically(arguments.output, json.dumps(told, indent=2) + "\n")
        if arguments.plot is not None:
            prediction = prediction_of(experiment)
            model = inference_model(program.blueprint.graphdef, state, experiment.precision)
            results = predict(prediction, model, experiment.data, chunks, program.batch)
            draw(prediction, arguments.plot, list(results))
    return 0
