"""An experiment small enough to train in a test; what is the task's stands in `tiny_task.py`."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np

from . import tiny_task
from .project import configuration, experiments, parallel, training
from .tiny_task import prepare

__all__ = ["batches", "directives", "make", "make_mesh", "parameter", "prepare", "run_steps"]


def directives(data: Path, *changes: str) -> list[str]:
    """The tiny experiment as directives of the command line; `changes` are ``FIELD=VALUE``."""
    fields = [f"data.directory={data}", *tiny_task.FIELDS, *changes]
    return [f"config:{tiny_task.EXPERIMENT}", *(f"set:{field}" for field in fields)]


def make(data: Path, *changes: str) -> training.experiment.Experiment:
    """Build the tiny experiment, fitted to the data."""
    experiment = configuration.build(configuration.compose(directives(data, *changes), experiments))
    return experiment.fitted(training.data_settings.info_of(experiment.data))


def make_mesh(model: int = 1, data: int = 1, fsdp: bool = False) -> jax.sharding.Mesh:
    """A mesh over the first of the simulated devices."""
    settings = parallel.mesh.MeshSettings(model=model, data=data, fsdp=fsdp)
    return parallel.mesh.create_mesh(settings, jax.devices()[: model * data])


def batches(experiment: training.experiment.Experiment) -> Iterator[dict[str, np.ndarray]]:
    """The batches that training takes, on the host."""
    return iter(experiment.data.train_batches(seed=experiment.seed, process=0, processes=1))


def parameter(state: training.state.TrainState, path: str) -> jax.Array:
    """One parameter of a state, by its dotted path."""
    leaf = state.params
    for name in path.split("."):
        leaf = leaf[int(name) if name.isdigit() else name]
    return leaf


_compilations: list[str] = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, duration_secs, **_: (
        _compilations.append(event) if "backend_compile" in event else None
    )
)


def run_steps(
    experiment: training.experiment.Experiment, mesh: jax.sharding.Mesh, steps: int
) -> tuple[training.state.TrainState, list[dict[str, float]]]:
    """Train for some steps without the loop; the state and each step's metrics.

    Fails if anything is compiled after the first step.
    """
    program = training.program.make_program(experiment, mesh)
    history = []
    with jax.set_mesh(mesh):
        before = len(_compilations)
        state, step, compiled = program.initial_state(), None, len(_compilations)
        assert compiled > before  # or else compilations are not counted
        for host_batch in itertools.islice(batches(experiment), steps):
            batch = parallel.rules.put_batch(host_batch, program.batch)
            if step is None:
                step = program.compile_train_step(batch)
                compiled = len(_compilations)
            state, metrics = step(state, batch)
            history.append({name: float(value) for name, value in metrics.items()})
        assert len(_compilations) == compiled
    return state, history
