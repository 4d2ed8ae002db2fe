"""The step of a run that Tunix makes, in the form that the training loop calls."""

from typing import Any

import jax.numpy as jnp
from flax import nnx
from jaxtyping import PyTree

from ..training.state import TrainState
from .guard import GuardState
from .policy import Policy, name_mesh_axes
from .program import TunixProgram
from .recording import RecordedState
from .trainer import Setup, StepTrainer, read_optimizer, write_optimizer


class TunixStep:
    """A function of state and batch, which hands the state of the first call to Tunix's trainer.

    From then on the trainer holds it: each call must be given the state that the call before
    returned, as the training loop does.

    Args:
        program: The program whose step it is.
    """

    def __init__(self, program: TunixProgram) -> None:
        self._program = program
        self._trainer: StepTrainer | None = None
        self._measured: dict[str, Any] = {}

    def __call__(
        self, state: TrainState, batch: dict[str, Any]
    ) -> tuple[TrainState, dict[str, Any]]:
        """Make a step: the new state, and its metrics."""
        if self._trainer is None:
            self._start(state)
        assert self._trainer is not None
        metrics = self._trainer.step(self._number, batch)
        self._number += 1
        state = self._state(state)
        updates = self._number * self._program.method.updates_per_step
        applied = updates - 1 - int(state.skipped)
        told: dict[str, Any] = {
            **metrics,
            **{name: rate(applied) for name, rate in self._program.rates.items()},
            "skipped": state.skipped,
            "consecutive_skips": state.consecutive_skips,
            **self._measured,
        }
        return state, {name: jnp.float32(value) for name, value in told.items()}

    def _start(self, state: TrainState) -> None:
        program, method = self._program, self._program.method
        data: Any = program.experiment.data
        self._policy = nnx.merge(program.blueprint.graphdef, state.params, state.variables)
        self._critic, optimizer_state = None, state.opt_state
        if program.critic is not None:
            critic = state.opt_state["critic"]
            self._critic = nnx.merge(program.critic.graphdef, critic.params, critic.variables)
            optimizer_state = state.opt_state["policy"]
        setup = Setup(
            policy=self._for_tunix(self._policy),
            companion=self._for_tunix(program.companion) if method.needs_companion else None,
            critic=self._critic,
            optimizer=program.optimizer,
            mesh=program.mesh,
            tokenizer=program.tokenizer,
            max_prompt_tokens=data.max_prompt_tokens,
            max_response_tokens=data.max_response_tokens,
            key=state.key,
        )
        if self._critic is not None:
            name_mesh_axes(self._critic, program.experiment.mesh)
        self._trainer = method.trainer(setup)
        self._number = int(state.step)
        states = [optimizer_state]
        if self._critic is not None:
            states.append(state.opt_state["critic"].opt_state)
        for optimizer, each in zip(self._trainer.optimizers, states, strict=True):
            write_optimizer(optimizer, each)

    def _for_tunix(self, model: Any) -> Policy:
        policy = Policy(model, self._program.tokenizer.reserved)
        name_mesh_axes(policy, self._program.experiment.mesh)
        return policy

    def _state(self, before: TrainState) -> TrainState:
        assert self._trainer is not None
        like = self._program.blueprint.abstract.opt_state
        step = jnp.int32(self._number)
        if self._critic is None:
            guard = opt_state = read_optimizer(self._trainer.optimizers[0], like)
        else:
            policy, critic = self._trainer.optimizers
            guard = read_optimizer(policy, like["policy"])
            opt_state = {
                "policy": guard,
                "critic": before.opt_state["critic"]._replace(
                    step=step,
                    params=_params(self._critic),
                    opt_state=read_optimizer(critic, like["critic"].opt_state),
                ),
            }
        if isinstance(guard, RecordedState):
            self._measured, guard = guard.metrics, guard.inner
        assert isinstance(guard, GuardState)
        return before._replace(
            step=step,
            params=_params(self._policy),
            opt_state=opt_state,
            skipped=guard.skipped,
            consecutive_skips=guard.consecutive_skips,
        )


def _params(model: Any) -> PyTree:
    return nnx.to_pure_dict(nnx.state(model, nnx.Param))
