"""An experiment of post-training, and how its program is made."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.sharding import Mesh
from pydantic import model_validator

from ..errors import UserError
from ..numerics.precision import Precision
from ..parallel.rules import batch_sharding
from ..training.experiment import Experiment, ModelSettings
from ..training.hook import hooked
from ..training.program import Program
from ..training.state import TrainState, initial_state, state_layout
from .guard import guarded
from .methods import Method, ProximalPolicy
from .policy import ValueModel
from .program import TunixProgram
from .start import Start, begin
from .weights import fit_weights, select, union


class PostTraining(Experiment):
    """A run whose steps Tunix makes.

    Attributes:
        method: How the model is trained.
        start_from: Folder of the run whose weights this one begins with, of this project or of one
            that trains a language model; None begins with random weights. A run keeps a copy of
            them in its folder, so the other run may go on or away.
    """

    method: Method
    start_from: str | None = None

    @model_validator(mode="after")
    def _method_fits(self) -> "PostTraining":
        if self.loop.micro_batches != 1:
            raise ValueError("loop.micro_batches: Tunix takes a batch as a whole; leave it at 1")
        if self.safety.debug_nans:
            raise ValueError("safety.debug_nans: not with Tunix; set JAX_DEBUG_NANS=1 instead")
        kind = getattr(getattr(self.data, "KIND", None), "name", "other data")
        if kind != self.method.DATA:
            raise ValueError(
                f"data: {type(self.method).__name__} learns from {self.method.DATA}, not {kind}"
            )
        tokenizer, vocab_size = self.tokenizer, self.plain_model.vocab_size
        if vocab_size < tokenizer.vocab_size:
            raise ValueError(
                f"model.vocab_size: {vocab_size} is less than the {tokenizer.vocab_size} ids "
                f"of the tokenizer {tokenizer.name!r}"
            )
        return self

    @property
    def tokenizer(self) -> Any:
        """The data's tokenizer."""
        data: Any = self.data
        return data.tokenizer

    @property
    def plain_model(self) -> Any:
        """Settings of the model, those below LoRA."""
        return getattr(self.model, "base", self.model)

    def make_program(self, mesh: Mesh, run: Path | None) -> Program:
        """The program whose steps Tunix makes.

        Raises:
            UserError: There are several processes, or the weights to start from are not there, or
                the batch or a parameter does not divide over its axis of the mesh.
        """
        if jax.process_count() > 1:
            raise UserError(
                "post-training runs in one process, on all devices that it sees: start it without "
                "JAX_COORDINATOR_ADDRESS"
            )
        from .step import TunixStep  # which imports Tunix

        steps = self.loop.steps * self.method.updates_per_step
        built = hooked(self.hooks, self.optimizer.build(steps))
        optimizer = guarded(built, self.safety, self.hooks)
        layout, valuing, critic = state_layout(self, optimizer, mesh), None, None
        if isinstance(self.method, ProximalPolicy):
            valuing = self.model_copy(update={"model": _Valuing(self.plain_model)})
            critic = state_layout(valuing, optimizer, mesh)
            both = _with_critic(layout.abstract, critic.abstract)
            layout = dataclasses.replace(layout, abstract=both)

        def make_state() -> TrainState:
            state = initial_state(self, optimizer)
            if valuing is None:
                return state
            return _with_critic(state, initial_state(valuing, optimizer))

        def first_state() -> TrainState:
            state = jax.jit(make_state, out_shardings=layout.shardings)()
            start = begin(Start(state.params, state.variables), self.start_from, run)
            return _with_start(state, start)

        return TunixProgram(
            experiment=self,
            mesh=mesh,
            layout=layout,
            batch=batch_sharding(mesh),
            initial_state=first_state,
            train_step=TunixStep,
            run=run,
            optimizer=optimizer,
            critic=critic,
        )


@dataclasses.dataclass(frozen=True)
class _Valuing:
    """Settings of PPO's value model: those of the transformer that it is built on."""

    base: ModelSettings

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> ValueModel:
        return ValueModel(self.base.build(rngs=rngs, precision=precision))


def _with_critic(policy: TrainState, critic: TrainState) -> TrainState:
    return policy._replace(opt_state={"policy": policy.opt_state, "critic": critic})


def _with_start(state: TrainState, start: Start) -> TrainState:
    """A new state with the weights that the run begins with; a value model gets them as well."""
    state = state._replace(params=start.params, variables=start.variables)
    if not isinstance(state.opt_state, dict):
        return state
    critic: TrainState = state.opt_state["critic"]
    begun = start.variables.get("base") or union(start.params, start.variables)
    weights = {"transformer": jax.tree.map(jnp.copy, begun)}
    params, variables = (
        fit_weights(select(union(part, weights), part), part, "the value model")
        for part in (critic.params, critic.variables)
    )
    critic = critic._replace(params=params, variables=variables)
    return state._replace(opt_state={**state.opt_state, "critic": critic})
