"""The compiled functions of a run."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax.experimental import checkify
from jax.sharding import Mesh, NamedSharding

from ..errors import UserError
from ..parallel.mesh import get_sharding_spec
from ..parallel.rules import batch_sharding, put_batch
from .averaging import with_weights
from .evaluation import EvalStep, evaluate, inference_model, make_eval_step, predictions
from .experiment import Experiment
from .hook import hooked
from .metrics import Metric
from .module_checks import Examined, examine
from .prediction import Chunk, Prediction, Result
from .safety import stop_at_nan
from .spikes import watched
from .start import Start, continued_state, read_start
from .state import StateLayout, TrainState, initial_state, state_layout
from .step import make_train_step, step_parts


@dataclass(frozen=True)
class Program:
    """What an experiment computes on a mesh. Use it inside ``jax.set_mesh(program.mesh)``.

    Attributes:
        experiment: The experiment.
        mesh: The mesh.
        layout: Structure, shapes and shardings of the state.
        batch: Sharding of every array of a batch.
        initial_state: Makes the state before the first step, each process its own shards.
        train_step: The step, jitted: the state is donated and comes back with the same shardings.
        run: The folder of the run, where it has one.
    """

    experiment: Experiment
    mesh: Mesh
    layout: StateLayout
    batch: NamedSharding
    initial_state: Callable[[], TrainState]
    train_step: Any
    run: Path | None

    def compile_train_step(self, batch: dict[str, Any]) -> Any:
        """Compile the step for batches like `batch`.

        A compiled function refuses arguments of another shape, dtype or sharding, so a run compiles
        its step once or fails; it never compiles again in silence.
        """
        step = self.train_step.lower(self.layout.abstract, batch).compile()
        return stop_at_nan(step) if self.experiment.safety.debug_nans else step

    def examine(self, step: Any, state: TrainState, batch: dict[str, Any]) -> Iterator[Examined]:
        """Look at each module in a compiled step, and at its gradient.

        Args:
            step: The step; None to compile what is needed of it.
            state: The state before it, which it may take.
            batch: The batch, as `put` makes it.
        """
        parts = step_parts(self.layout.graphdef, self.experiment, state, batch)
        return map(examine, parts)

    def restart(self, step: Any) -> None:
        """Let a compiled step go on from a state that it has not returned; this one can anyway."""

    def put(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch as the training step takes it, made from this process's share."""
        return put_batch(batch, self.batch)

    def evaluate(
        self, state: TrainState, batches: Iterable[dict[str, Any]], name: str | None = None
    ) -> dict[str, float]:
        """Metrics over all batches, of which each process gives its share.

        Args:
            state: The state to evaluate.
            batches: The batches.
            name: The evaluation whose metrics are wanted beside the objective's; by default the
                experiment's first.
        """
        name, metrics = self._metrics(name)
        if name not in self._eval_steps:
            step = make_eval_step(self.layout.graphdef, self.experiment, metrics)
            everywhere = get_sharding_spec(self.mesh, ())  # so that each process reads all of it
            self._eval_steps[name] = jax.jit(step, out_shardings=everywhere)
        step = self._eval_steps[name]
        return evaluate((step(state, put_batch(each, self.batch)) for each in batches), metrics)

    def evaluate_during_training(self, name: str, state: TrainState) -> dict[str, float]:
        """Metrics of one of the experiment's evaluations."""
        evaluation = self.experiment.evaluations[name]
        data, split = evaluation.data or self.experiment.data, evaluation.split
        limit = evaluation.batches or self.experiment.loop.eval_batches
        share = {"process": jax.process_index(), "processes": jax.process_count()}
        batches = data.eval_batches(split, limit=limit, **share)
        return self.evaluate(with_weights(state, evaluation.weights), batches, name)

    @property
    def prediction(self) -> Prediction:
        """How the model is used.

        Raises:
            UserError: The experiment does not say.
        """
        if self.experiment.prediction is None:
            raise UserError(
                "the experiment has no `prediction`: give it one in experiments.py, an object with "
                "the methods that training/prediction.py describes"
            )
        return self.experiment.prediction

    def model(self, state: TrainState) -> Any:
        """The model of a state, as it is used after training."""
        return inference_model(self.layout.graphdef, state, self.experiment.precision)

    def predict(self, state: TrainState, chunks: Iterable[Chunk]) -> Iterator[Result]:
        """What the model tells about examples, chunk by chunk.

        Args:
            state: The state whose model is asked.
            chunks: The examples, all of them on each process.

        Raises:
            UserError: A prediction is NaN or infinite.
        """
        names = self.prediction.input_specs(self.experiment.data)
        return predictions(partial(self._predict, state), names, chunks, self.batch)

    @cached_property
    def _predict(self) -> Callable[[TrainState, dict[str, Any]], dict[str, Any]]:
        def ask(state: TrainState, inputs: dict[str, Any]) -> dict[str, Any]:
            return self.prediction(self.model(state), inputs)

        return jax.jit(ask, out_shardings=get_sharding_spec(self.mesh, ()))

    @property
    def blueprint(self) -> StateLayout:
        """The layout, as tests of projects of 0.5.0 call it."""
        return self.layout

    def _metrics(self, name: str | None) -> tuple[str | None, tuple[Metric, ...]]:
        """An evaluation's name and metrics; those of the first one, if there is any, for None."""
        evaluations = self.experiment.evaluations
        name = next(iter(evaluations), None) if name is None else name
        return name, evaluations[name].metrics if name else ()

    @cached_property
    def _eval_steps(self) -> dict[str | None, EvalStep]:
        return {}

    def baseline(self) -> TrainState | None:
        """What the run began with, without what an optimizer remembers; None if it kept nothing."""
        start = self.begun
        if start is None:
            return None
        nothing, key = jnp.int32(0), jax.random.key(self.experiment.seed)
        return TrainState(nothing, key, start.params, start.variables, (), nothing, nothing)

    @cached_property
    def begun(self) -> Start | None:
        """What the run began with; asked for once that is in its folder."""
        return read_start(self.run, Start.of(self.layout.abstract))


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
        run: The folder of the run, which keeps what it began with in it.

    Raises:
        UserError: A parameter does not divide over its axis of the mesh.
    """
    if isinstance(experiment, MakesProgram):
        return experiment.make_program(mesh, run)
    built = hooked(experiment.hooks, experiment.optimizer.build(experiment.loop.steps))
    optimizer = watched(built, experiment.safety)
    layout = state_layout(experiment, optimizer, mesh)
    step = make_train_step(layout.graphdef, experiment, optimizer)
    outputs = (layout.shardings, None)
    train_step = jax.jit(step, donate_argnums=0, out_shardings=outputs)
    if experiment.safety.debug_nans:
        checked = checkify.checkify(step, errors=checkify.nan_checks)
        train_step = jax.jit(checked, donate_argnums=0, out_shardings=(None, outputs))
    if experiment.start_from is None:
        draw = partial(initial_state, experiment, optimizer)
        first_state = jax.jit(draw, out_shardings=layout.shardings)
    else:
        first_state = partial(continued_state, experiment, optimizer, layout, run)
    return Program(experiment, mesh, layout, batch_sharding(mesh), first_state, train_step, run)
