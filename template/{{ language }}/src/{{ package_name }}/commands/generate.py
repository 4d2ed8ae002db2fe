"""Continue a text with a run's model."""

import argparse

from ._run import add_run_options
from ._sampling import add_sampling_options, sampling_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_run_options(parser)
    parser.add_argument("--prompt", default="", metavar="TEXT", help="the text to continue")
    add_sampling_options(parser, max_tokens=256)


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command: print the prompt and its continuation."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from ..generation import generate
    from ..tokenizer import DOCUMENT, TOKENIZER
    from ._run import open_chosen

    sampling = sampling_of(arguments)
    program, state, *_ = open_chosen(arguments)
    prompt = np.concatenate([[DOCUMENT], TOKENIZER.encode(arguments.prompt)]).astype(np.int32)
    with jax.set_mesh(program.mesh):
        key = jax.random.key(arguments.seed)
        tokens = generate(program.model(state), jnp.asarray(prompt)[None], key, sampling)
    print(arguments.prompt + TOKENIZER.decode(np.asarray(tokens[0])))
