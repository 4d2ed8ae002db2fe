"""Continue a text with a run's model."""

import argparse

from ._run import add_run_options, open_chosen
from ._sampling import Writer, add_sampling_options, sampling_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_run_options(parser)
    parser.add_argument("--prompt", default="", metavar="TEXT", help="the text to continue")
    add_sampling_options(parser, max_tokens=256)


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command: print the prompt and its continuation."""
    from ._tokenizer import tokenizer_of

    sampling = sampling_of(arguments)
    program, state, *_ = open_chosen(arguments)
    tokenizer = tokenizer_of(program.experiment.data)
    print(arguments.prompt, end="", flush=True)
    writer = Writer(program, program.model(state), tokenizer, sampling, arguments)
    writer.write_text(arguments.prompt)
