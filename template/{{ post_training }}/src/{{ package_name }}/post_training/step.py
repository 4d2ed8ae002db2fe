"""The step of a run that Tunix makes, in the form that the training loop calls."""

import contextlib
import gc
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import PyTree

from ..errors import Diverged
from ..training.module_checks import Examined, examine
from ..training.optimizer import rates_of
from ..training.safety import place_in
from ..training.spikes import spike_metrics
from ..training.state import TrainState
from .guard import RecordedState
from .policy import Policy, name_mesh_axes
from .program import TunixProgram
from .trainer import Setup, StepTrainer, read_optimizer, show_parts, write_optimizer


class TunixStep:
    """A function of state and batch, which hands the state of the first call to Tunix's trainer.

    From then on the trainer holds it: each call must be given the state that the call before
    returned, as the training loop does, or `restart` be called in between.

    Args:
        program: The program whose step it is.
    """

    def __init__(self, program: TunixProgram) -> None:
        self._program = program
        experiment = program.experiment
        self._updates = experiment.method.updates_per_step
        self._rates = rates_of(experiment.optimizer, experiment.loop.steps * self._updates)
        self._trainer: StepTrainer | None = None

    def __call__(
        self, state: TrainState, batch: dict[str, Any]
    ) -> tuple[TrainState, dict[str, Any]]:
        """Make a step: the new state, and its metrics.

        Raises:
            Diverged: An operation made a NaN, and the experiment asks to stop there.
        """
        if self._trainer is None:
            self._trainer = self._start(state)
        number = int(state.step)
        checking = self._program.experiment.safety.debug_nans
        try:
            with jax.debug_nans(True) if checking else contextlib.nullcontext():
                metrics: dict[str, Any] = self._trainer.step(number, batch)
        except FloatingPointError as error:
            where = place_in(error.__traceback__)
            raise Diverged(f"step {number + 1}: {error}{where}") from error
        state, measured = self._read(state, self._trainer.optimizers)
        applied = (number + 1) * self._updates - 1 - int(state.skipped)
        metrics |= {name: rate(applied) for name, rate in self._rates.items()}
        metrics |= {"skipped": state.skipped, "consecutive_skips": state.consecutive_skips}
        metrics |= measured
        return state, {name: jnp.float32(value) for name, value in metrics.items()}

    def examine(self, state: TrainState, batch: dict[str, Any]) -> list[Examined]:
        """Make a step, and look at each module in what the trainers differentiate."""
        found: list[Examined] = []
        if self._trainer is None:
            self._trainer = self._start(state)
        for trainer in self._trainer.trainers:
            show_parts(trainer, lambda part: found.append(examine(part)))
        self(state, batch)
        return found

    def restart(self) -> None:
        """Let go of the trainer with its state; the next call makes another, of the state it gets.

        Tunix's objects refer to each other, so their arrays are freed by the collector alone.
        """
        self._trainer = self._policy = self._critic = None
        gc.collect()

    def _start(self, state: TrainState) -> StepTrainer:
        program, experiment = self._program, self._program.experiment
        self._policy = nnx.merge(program.layout.graphdef, state.params, state.variables)
        self._critic, opt_states = None, [state.opt_state]
        if program.critic is not None:
            critic = state.opt_state["critic"]
            self._critic = nnx.merge(program.critic.graphdef, critic.params, critic.variables)
            name_mesh_axes(self._critic, experiment.mesh)
            opt_states = [state.opt_state["policy"], critic.opt_state]
        companion = None
        if experiment.method.needs_companion:  # its arrays, but marks of one's own for each trainer
            companion = self._for_tunix(nnx.clone(program.companion))
        setup = Setup(
            policy=self._for_tunix(self._policy),
            companion=companion,
            critic=self._critic,
            optimizer=program.optimizer,
            mesh=program.mesh,
            data=experiment.data,
            key=state.key,
            micro_batches=experiment.loop.micro_batches,
            watching=experiment.safety.spike_threshold is not None,
        )
        trainer = experiment.method.trainer(setup)
        for optimizer, each in zip(trainer.optimizers, opt_states, strict=True):
            write_optimizer(optimizer, each)
        return trainer

    def _for_tunix(self, model: Any) -> Policy:
        experiment = self._program.experiment
        tokenizer, size = experiment.tokenizer, experiment.plain_model.vocab_size
        beyond = range(tokenizer.vocab_size, size)  # published models may have more than it knows
        policy = Policy(model, (*tokenizer.reserved, *beyond))
        name_mesh_axes(policy, experiment.mesh)
        return policy

    def _read(
        self, before: TrainState, optimizers: list[nnx.Optimizer]
    ) -> tuple[TrainState, dict[str, Any]]:
        """The state that the trainer holds, and what hooks have measured."""
        like, step = self._program.layout.abstract.opt_state, before.step + 1
        if self._critic is None:
            guard = opt_state = read_optimizer(optimizers[0], like)
        else:
            guard = read_optimizer(optimizers[0], like["policy"])
            critic = before.opt_state["critic"]._replace(
                step=step,
                params=_params(self._critic),
                opt_state=read_optimizer(optimizers[1], like["critic"].opt_state),
            )
            opt_state = {"policy": guard, "critic": critic}
        guard, measured = guard if isinstance(guard, RecordedState) else (guard, {})
        measured = measured | spike_metrics(guard.inner)
        state = before._replace(
            step=step,
            params=_params(self._policy),
            opt_state=opt_state,
            skipped=guard.skipped,
            consecutive_skips=guard.consecutive_skips,
        )
        return state, measured


def _params(model: Any) -> PyTree:
    return nnx.to_pure_dict(nnx.state(model, nnx.Param))
