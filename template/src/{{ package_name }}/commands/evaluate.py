"""Evaluate a run's newest checkpoint on a held-out split, or on your own files."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ._run import add_plot_option, add_run_options

if TYPE_CHECKING:
    from ..training.experiment import Evaluation, Experiment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_run_options(parser)
    add_plot_option(parser)
    parser.add_argument(
        "--mistakes",
        type=Path,
        metavar="FILE",
        help="also draw the worst mistakes and the least certain examples: a .png",
    )
    parser.add_argument(
        "--evaluation",
        metavar="NAME",
        help="the experiment's evaluation whose data and metrics to use (default: the first)",
    )
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


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command: print one line per metric.

    Raises:
        UserError: The run or a file cannot be used.
    """
    from ..reporting.records import check_output, plain_value

    check_output(arguments.output, ".json")
    check_output(arguments.plot, ".png")
    check_output(arguments.mistakes, ".png")
    if arguments.source and arguments.batches:
        raise UserError("--batches goes with a split; files are evaluated whole")

    import jax

    from ..files import write_atomically
    from ..numerics.checks import check_finite
    from ..numerics.result import Err
    from ..training.evaluation import split_chunks
    from ._run import asking, draw, draw_mistakes, open_chosen, tell_note

    name = arguments.evaluation

    def usual_weights(experiment: "Experiment") -> str:
        evaluation = _evaluation(experiment, name)
        return evaluation.weights if evaluation else "trained"

    program, state, step = open_chosen(arguments, usual_weights)
    experiment = program.experiment
    evaluation = _evaluation(experiment, name)
    data = (evaluation.data if evaluation else None) or experiment.data
    with jax.set_mesh(program.mesh), asking(data):
        if arguments.source:
            where = " ".join(arguments.source)
            chunks = list(program.prediction.read(data, arguments.source, targets=True))
            batches = [chunk.batch for chunk in chunks]
        else:
            where = f"{arguments.split} split"
            limit = arguments.batches
            batches = data.eval_batches(arguments.split, limit=limit, process=0, processes=1)
            chunks = split_chunks(batches)
        results = {"metrics": program.evaluate(state, batches, name)}
        baseline = program.baseline()
        print(f"{arguments.run_dir} after step {step}, {where}")
        if baseline is not None:
            results = {"before": program.evaluate(baseline, batches, name), **results}
            print(f"{'':>16}  {'before':>8}  {'after':>8}")
        for metric in results["metrics"]:
            numbers = "  ".join(f"{each[metric]:8.4f}" for each in results.values())
            print(f"{metric:>16}  {numbers}")
        checked = check_finite(results["metrics"], "evaluation")
        if isinstance(checked, Err):
            print(f"warning: {checked.error}", file=sys.stderr)
        tell_note(program)
        if arguments.output is not None:
            told: dict[str, Any] = {"run": str(arguments.run_dir), "step": step, "data": where}
            for part, metrics in results.items():
                told[part] = {metric: plain_value(value) for metric, value in metrics.items()}
            write_atomically(arguments.output, json.dumps(told, indent=2) + "\n")
        if arguments.plot is not None:
            draw(program.prediction, arguments.plot, list(program.predict(state, chunks)))
        if arguments.mistakes is not None:
            if not arguments.source:
                chunks = split_chunks(batches)
            draw_mistakes(program.prediction, arguments.mistakes, program.predict(state, chunks))


def _evaluation(experiment: "Experiment", name: str | None) -> "Evaluation | None":
    """One of the experiment's evaluations; the first, if there is any, where no name is given.

    Raises:
        UserError: There is none of this name.
    """
    evaluations = experiment.evaluations
    if name is not None and name not in evaluations:
        raise UserError(f"--evaluation {name}: the experiment has {', '.join(evaluations)}")
    return evaluations[name] if name else next(iter(evaluations.values()), None)
