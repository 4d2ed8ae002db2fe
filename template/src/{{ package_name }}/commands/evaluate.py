"""Evaluate a run's newest checkpoint on a whole held-out split."""

import argparse
from pathlib import Path

HELP = "evaluate a run's newest checkpoint on held-out data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="the run")
    parser.add_argument(
        "--split",
        choices=("validation", "test"),
        default="test",
        help="which held-out split (default: test, which training never looks at)",
    )
    parser.add_argument(
        "--batches", type=int, metavar="N", help="only so many batches, spread over the split"
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command: print one line per metric.

    Returns:
        The exit code.
    """
    import jax

    from ..training.loop import evaluate_split
    from ._run import open_run

    program, state, step = open_run(arguments.run_dir)
    with jax.set_mesh(program.mesh):
        metrics = evaluate_split(program, state, arguments.split, arguments.batches)
    print(f"{arguments.run_dir} after step {step}, {arguments.split} split")
    for name, value in metrics.items():
        print(f"{name:>16}  {value:.4f}")
    return 0
