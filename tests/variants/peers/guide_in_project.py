"""What a project computes with the model that the guide in its README has tuned.

Run in the project's environment, in its folder: `python guide_in_project.py PACKAGE`. The weights
are those of the run, in their dtype; the rest is computed in float32, to be compared with.
"""

import importlib
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np

PACKAGE, MESSAGE = sys.argv[1], "What is 3 plus 14?"


def module(name: str):
    """A module of the project."""
    return importlib.import_module(f"{PACKAGE}.{name}")


run, configuration = Path("runs/tuned"), module("configuration")
config = configuration.load_json((run / "config.json").read_text())
config.precision.compute_dtype = "float32"
(run / "config.json").write_text(configuration.dump_json(config))
program, state, _ = module("commands._run").open_run(run)
chat = module("tokenization.chat").Chat(program.experiment.tokenizer)
ids = chat.encode_prompt([{"role": "user", "content": MESSAGE}])
tokens = jnp.asarray(ids)[None]
places = jnp.arange(len(ids))[None]
logits = program.model(state)(tokens, jnp.ones_like(tokens), places)
np.savez("expected.npz", message=MESSAGE, ids=ids, logits=logits)
