"""Let a run's model respond to a prompt."""

import argparse
from typing import Any

from ._run import add_run_options, open_chosen
from ._sampling import add_sampling_options, sampling_of, write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_run_options(parser)
    parser.add_argument("--prompt", required=True, metavar="TEXT", help="the prompt")
    add_sampling_options(parser, max_tokens=64)


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command: print the response."""
    sampling = sampling_of(arguments)
    program, state, *_ = open_chosen(arguments)
    data: Any = program.experiment.data
    write_text(program, program.model(state), data.tokenizer, sampling, arguments)
