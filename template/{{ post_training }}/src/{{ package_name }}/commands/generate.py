"""Let a run's model respond to a prompt, or converse with it."""

import argparse

from ._sampling import add_writing_options, write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_writing_options(parser, "the prompt", required=True, max_tokens=64)


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command: print the response, or one to each line of the input."""
    write(arguments)
