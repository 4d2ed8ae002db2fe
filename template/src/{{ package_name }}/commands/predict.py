"""Let a run's model tell what it makes of your own files."""

import argparse
import itertools
import sys
from pathlib import Path

from ..errors import UserError
from ._run import add_plot_option, add_run_options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_run_options(parser)
    add_plot_option(parser)
    parser.add_argument(
        "--explain",
        type=Path,
        metavar="FILE",
        help="also draw what the first predictions depend on: a .png",
    )
    parser.add_argument(
        "--source",
        nargs="+",
        action="extend",
        required=True,
        metavar="GLOB",
        help="your files, as `prepare` takes them; they need no targets",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="a .csv or .jsonl file (default: JSON lines on the console)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command.

    Raises:
        UserError: The run or a file cannot be used.
    """
    from ..reporting.records import SUFFIXES, check_output, write_records

    check_output(arguments.output, *SUFFIXES)
    check_output(arguments.plot, ".png")
    check_output(arguments.explain, ".png")

    import jax

    from ..training.prediction import Explains
    from ._run import asking, draw, open_chosen, tell_note

    program, state, *_ = open_chosen(arguments)
    prediction, data = program.prediction, program.experiment.data
    with jax.set_mesh(program.mesh), asking(data):
        chunks = prediction.read(data, arguments.source, targets=False)
        results = program.predict(state, chunks)
        if arguments.explain is not None:
            if not isinstance(prediction, Explains):
                raise UserError("--explain: the experiment's `prediction` has no method `explain`")
            first = next(results, None)
            if first is None:
                raise UserError("--explain: there is nothing to predict")
            prediction.explain(program.model(state), first, arguments.explain)
            print(f"picture: {arguments.explain}", file=sys.stderr)
            results = itertools.chain([first], results)
        if arguments.plot is not None:
            results = list(results)
            draw(prediction, arguments.plot, results)
        count = write_records(prediction.records(results), arguments.output)
        if arguments.output is not None:
            print(f"{count} predictions: {arguments.output}")
        tell_note(program)
