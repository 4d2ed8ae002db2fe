"""Continue a text with a run's model."""

import argparse
from pathlib import Path

from ..errors import UserError

HELP = "continue a text with a run's model"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="the run")
    parser.add_argument("--prompt", default="", metavar="TEXT", help="the text to continue")
    parser.add_argument("--max-tokens", type=int, default=256, metavar="N", help="at most so many")
    parser.add_argument(
        "--temperature", type=float, default=0.8, metavar="T", help="0 takes the likeliest token"
    )
    parser.add_argument("--top-k", type=int, default=0, metavar="K", help="0 considers all tokens")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the samples")


def run(arguments: argparse.Namespace) -> int:
    """Carry out the command: print the prompt and its continuation.

    Returns:
        The exit code.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np
    from pydantic import ValidationError

    from ..generation import Sampling, generate
    from ..tokenizer import DOCUMENT, TOKENIZER
    from ..training.evaluation import inference_model
    from ._run import open_run

    try:
        sampling = Sampling(
            max_tokens=arguments.max_tokens,
            temperature=arguments.temperature,
            top_k=arguments.top_k,
        )
    except ValidationError as error:
        problem = error.errors()[0]
        option = str(problem["loc"][0]).replace("_", "-")
        raise UserError(f"--{option}: {problem['msg'].removeprefix('Input ')}") from error
    program, state, _ = open_run(arguments.run_dir)
    model = inference_model(program.blueprint.graphdef, state, program.experiment.precision)
    prompt = np.concatenate([[DOCUMENT], TOKENIZER.encode(arguments.prompt)]).astype(np.int32)
    with jax.set_mesh(program.mesh):
        key = jax.random.key(arguments.seed)
        tokens = generate(model, jnp.asarray(prompt)[None], key, sampling)
    print(arguments.prompt + TOKENIZER.decode(np.asarray(tokens[0])))
    return 0
