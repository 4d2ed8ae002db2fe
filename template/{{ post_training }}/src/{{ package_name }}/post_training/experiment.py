"""An experiment of post-training, and how its program is made."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from jax.sharding import Mesh
from pydantic import ConfigDict, model_validator

from ..errors import UserError
from ..numerics.precision import Precision
from ..parallel.rules import batch_sharding
from ..settings import Settings
from ..training.experiment import Experiment, ModelSettings
from ..training.hook import hooked
from ..training.optimizer import rates_of
from ..training.program import Program
from ..training.state import Blueprint, TrainState, blueprint, initial_state
from .guard import guarded
from .methods import Method, ProximalPolicy
from .policy import ValueModel
from .program import TunixProgram
from .recording import recorded
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
        tokenizer = self.tokenizer
        if self.vocab_size < tokenizer.vocab_size:
            raise ValueError(
                f"model.vocab_size: {self.vocab_size} is less than the {tokenizer.vocab_size} ids "
                f"of the tokenizer {tokenizer.name!r}"
            )
        return self

    @property
    def tokenizer(self) -> Any:
        """The data's tokenizer."""
        data: Any = self.data
        return data.tokenizer

    @property
    def vocab_size(self) -> int:
        """Entries of the model's vocabulary."""
        return self.plain_model.vocab_size

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
        return _lay_out(self, mesh, run)


class CriticSettings(Settings):
    """PPO's value model.

    Attributes:
        base: The transformer that it is built on.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    base: ModelSettings

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> ValueModel:
        """Build the value model with a transformer of random weights."""
        return ValueModel(self.base.build(rngs=rngs, precision=precision))


def _lay_out(experiment: PostTraining, mesh: Mesh, run: Path | None) -> TunixProgram:
    from .step import TunixStep  # which imports Tunix

    steps = experiment.loop.steps * experiment.method.updates_per_step
    built = hooked(experiment.hooks, experiment.optimizer.build(steps))
    optimizer = recorded(guarded(built, experiment.safety), experiment.hooks)
    policy, valuing = blueprint(experiment, optimizer, mesh), _valuing(experiment)
    critic = None if valuing is None else blueprint(valuing, optimizer, mesh)

    def make_state() -> TrainState:
        state = initial_state(experiment, optimizer)
        if valuing is None:
            return state
        return _with_critic(state, initial_state(valuing, optimizer))

    whole = policy
    if critic is not None:
        whole = Blueprint(
            policy.graphdef,
            _with_critic(policy.abstract, critic.abstract),
            _with_critic(policy.shardings, critic.shardings),
        )

    def first_state() -> TrainState:
        state = jax.jit(make_state, out_shardings=whole.shardings)()
        start = begin(Start(state.params, state.variables), experiment.start_from, run)
        return _with_start(state, start)

    return TunixProgram(
        experiment=experiment,
        mesh=mesh,
        blueprint=whole,
        batch=batch_sharding(mesh),
        initial_state=first_state,
        train_step=TunixStep,
        method=experiment.method,
        tokenizer=experiment.tokenizer,
        run=run,
        optimizer=optimizer,
        rates=rates_of(experiment.optimizer, steps),
        critic=critic,
    )


def _valuing(experiment: PostTraining) -> PostTraining | None:
    """The experiment with the value model in the place of the policy, where there is one."""
    if not isinstance(experiment.method, ProximalPolicy):
        return None
    return experiment.model_copy(update={"model": CriticSettings(base=experiment.plain_model)})


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
