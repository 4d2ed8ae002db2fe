"""Continue a text with a run's model, or converse with it."""

import argparse

from ._sampling import add_writing_options, write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_writing_options(parser, "the text to continue", required=False, max_tokens=256)


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command: print the prompt and its continuation, or answers."""
    write(arguments, first=arguments.prompt)
