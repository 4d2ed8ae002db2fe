"""The compiled functions of a run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding

from ..parallel.rules import batch_sharding
from .evaluation import EvalStep, make_eval_step
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


def make_program(experiment: Experiment, mesh: Mesh) -> Program:
    """Lay an experiment out over a mesh.

    Raises:
        UserError: The batch or a parameter does not divide over its axis of the mesh.
    """
    experiment.check_mesh(mesh)
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
