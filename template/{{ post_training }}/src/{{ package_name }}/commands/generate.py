"""Let a run's model respond to a prompt."""

import argparse
from typing import Any

from ._run import add_run_options
from ._sampling import add_sampling_options, sampling_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_run_options(parser)
    parser.add_argument("--prompt", required=True, metavar="TEXT", help="the prompt")
    add_sampling_options(parser, max_tokens=64)


def run(arguments: argparse.Namespace) -> None:
    """Carry out the command: print the response."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from ..generation import generate
    from ._run import open_chosen

    sampling = sampling_of(arguments)
    program, state, *_ = open_chosen(arguments)
    data: Any = program.experiment.data
    tokenizer = data.tokenizer
    prompt = np.concatenate([[tokenizer.start], tokenizer.encode(arguments.prompt)])
    with jax.set_mesh(program.mesh):
        key, prompts = jax.random.key(arguments.seed), jnp.asarray(prompt, jnp.int32)[None]
        tokens = generate(program.model(state), prompts, key, sampling, end=tokenizer.end)
    print(tokenizer.decode(np.asarray(tokens[0])))
