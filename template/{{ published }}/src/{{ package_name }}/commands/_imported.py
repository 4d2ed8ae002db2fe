"""A run without a step, whose weights were read from elsewhere: what `import` makes."""

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import fiddle as fdl
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from .. import configuration
from ..files import write_atomically
from ..parallel.distributed import failing_together, start_processes
from ..pretrained.model import PretrainedSettings
from ..storage.checkpoints import Checkpoints, NoData
from ..storage.data_record import data_record
from ..storage.run_directory import RunDirectory
from ..training.experiment import Experiment
from ..training.optimizer import OptimizerSettings
from ..training.program import Program, make_program


def write_run(
    config: fdl.Config[Experiment],
    info: Mapping[str, Any],
    run: RunDirectory,
    read: Callable[[PyTree], PyTree],
    beside: Iterable[Path] = (),
) -> Program:
    """Write a run that other commands open, and that training starts from.

    Args:
        config: The experiment, with the model whose weights they are; it is changed.
        info: What the run is to know of its data.
        run: The folder of the run.
        read: Reads the weights, given their shapes, dtypes and shardings.
        beside: Files that the run keeps.

    Raises:
        UserError: The weights are not those of the model.
    """
    config.model = fdl.Config(PretrainedSettings, base=config.model)
    config.optimizer = fdl.Config(OptimizerSettings)
    config.hooks = ()
    if hasattr(config, "start_from"):
        config.start_from = None
    experiment = configuration.build(config).fitted(info)
    start_processes()
    program = make_program(experiment, experiment.make_mesh())
    with jax.set_mesh(program.mesh), failing_together():
        _write_checkpoint(read(program.layout.abstract.variables), program, run)
        if jax.process_index() == 0:
            for file in beside:
                run.pretrained.mkdir(exist_ok=True)
                shutil.copyfile(file, run.pretrained / file.name)
            if info:
                record = data_record(run.data_set, None, info, allow_change=True)
                write_atomically(run.data_set, record)
            write_atomically(run.config_text, configuration.flatten(config))
            write_atomically(run.config_json, configuration.dump_json(config))
    return program


def _write_checkpoint(weights: PyTree, program: Program, run: RunDirectory) -> None:
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
