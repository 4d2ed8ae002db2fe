"""The compiled functions of a run."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import jax
from jax.sharding import Mesh, NamedSharding

from ..parallel.rules import batch_sharding, put_batch
from .evaluation import EvalStep, evaluate, make_eval_step
from .experiment import Experiment
from .optimizer import make_optimizer
from .state import Blueprint, TrainState, blueprint, initial_state
from .step import make_train_step


@dataclass(frozen=True)
class Program:
    """What an experiment computes on a mesh. Use it inside ``jax.set_mesh(program.mesh)``.

    Attributes:
        experiment: The experiment.
        mesh: The mesh.
        blueprint: Structure, shapes and shardings of the state.
        batch: Sharding of every array of a batch.
        initial_state: Makes the state before the first step, each process its own shards; jitted.
        train_step: The step, jitted: the state is donated and comes back with the same shardings.
        eval_step: Means of the objective on a batch, jitted.
    """

    experiment: Experiment
    mesh: Mesh
    blueprint: Blueprint
    batch: NamedSharding
    initial_state: Callable[[], TrainState]
    train_step: Any
    eval_step: EvalStep

    def compile_train_step(self, batch: dict[str, Any]) -> Any:
        """Compile the step for batches like `batch`.

        A compiled function refuses arguments of another shape, dtype or sharding, so a run compiles
        its step once or fails; it never compiles again in silence.
        """
        return self.train_step.lower(self.blueprint.abstract, batch).compile()

    def put(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch as the training step takes it, made from this process's share."""
        return put_batch(batch, self.batch)

    def evaluate(self, state: TrainState, batches: Iterable[dict[str, Any]]) -> dict[str, float]:
        """Metrics over all batches, of which each process gives its share."""
        return evaluate(self.eval_step, state, batches, self.batch)

    def baseline(self) -> TrainState | None:
        """The state to compare a trained one with; None where a run starts from nothing."""
        return None


@runtime_checkable
class MakesProgram(Protocol):
    """An experiment whose step is another than that of `training/step.py`."""

    def make_program(self, mesh: Mesh, run: Path | None) -> Program:
        """Lay the experiment out over a mesh; see `make_program`."""
        ...


def make_program(experiment: Experiment, mesh: Mesh, run: Path | None = None) -> Program:
    """Lay an experiment out over a mesh.

    Args:
        experiment: The experiment.
        mesh: The mesh, as `Experiment.make_mesh` gives it.
        run: The folder of the run, for a program that keeps something of its own in it.

    Raises:
        UserError: A parameter does not divide over its axis of the mesh.
    """
    if isinstance(experiment, MakesProgram):
        return experiment.make_program(mesh, run)
    optimizer, schedule = make_optimizer(experiment.optimizer, experiment.loop.steps)
    plan = blueprint(experiment, optimizer, mesh)
    step = make_train_step(plan.graphdef, experiment, optimizer, schedule)
    return Program(
        experiment=experiment,
        mesh=mesh,
        blueprint=plan,
        batch=batch_sharding(mesh),
        initial_state=jax.jit(
            lambda: initial_state(experiment, optimizer), out_shardings=plan.shardings
        ),
        train_step=jax.jit(step, donate_argnums=0, out_shardings=(plan.shardings, None)),
        eval_step=jax.jit(make_eval_step(plan.graphdef, experiment)),
    )
