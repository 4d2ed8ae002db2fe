"""The checkpoint of a run that has made no step, whose weights were read from elsewhere."""

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from ..storage.checkpoints import Checkpoints, NoData
from ..storage.run_directory import RunDirectory
from ..training.program import Program


def write_checkpoint(weights: PyTree, program: Program, run: RunDirectory) -> None:
    """Write weights as the checkpoint that other commands open.

    Args:
        weights: All arrays of the model, laid out as the program says.
        program: The program of an experiment with `PretrainedSettings`, on its mesh.
        run: The folder of the run.
    """
    abstract = program.layout.abstract
    state = jax.tree.map(
        lambda leaf: jnp.zeros(leaf.shape, leaf.dtype, device=leaf.sharding),
        abstract._replace(key=(), variables=()),
    )
    key = jax.device_put(jax.random.key(program.experiment.seed), abstract.key.sharding)
    state = state._replace(key=key, variables=weights)
    largest = max(leaf.nbytes for leaf in jax.tree.leaves(weights))
    settings = program.experiment.checkpoint
    with Checkpoints(run.checkpoints, settings, at_once=largest + 1) as checkpoints:
        checkpoints.save(0, state, NoData())
