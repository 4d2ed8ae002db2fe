"""An experiment of post-training, and how its program is made."""

from collections.abc import Callable
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
from ..tokenization.keeping import check_tokenizer
from ..tokenization.tokenizer import Tokenizer
from ..training.experiment import Experiment, ModelSettings
from ..training.hook import hooked
from ..training.optimizer import rates_of
from ..training.program import Program
from ..training.state import Blueprint, TrainState, blueprint, initial_state
from .guard import guarded
from .lora import LoraSettings
from .methods import Method, ProximalPolicy
from .policy import ValueModel
from .program import TunixProgram
from .recording import recorded
from .start import FOLDER, Start, begin
from .weights import fit_weights, is_rounded, select, union


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
            UserError: There are several processes, or the weights to start from are not there or
                belong to another tokenizer, or the batch or a parameter does not divide over its
                axis of the mesh.
        """
        if jax.process_count() > 1:
            raise UserError(
                "post-training runs in one process, on all devices that it sees: start it without "
                "JAX_COORDINATOR_ADDRESS"
            )
        tokenizer = self.tokenizer
        if self.vocab_size < tokenizer.vocab_size:
            raise UserError(
                f"model.vocab_size: {self.vocab_size} is less than the {tokenizer.vocab_size} ids "
                f"of the tokenizer {tokenizer.name}"
            )
        others = (
            ("start_from", self.start_from),
            ("teacher", getattr(self.method, "teacher", None)),
        )
        for field, path in others if isinstance(tokenizer, Tokenizer) else ():
            if path is not None:
                check_tokenizer(tokenizer, Path(path), f"{field}: {path}")
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

    experiment = _with_base_dtype(experiment, run)
    steps = experiment.loop.steps * experiment.method.updates_per_step
    built = hooked(experiment.hooks, experiment.optimizer.build(steps))
    optimizer = recorded(guarded(built, experiment.safety), experiment.hooks)
    policy, valuing = blueprint(experiment, optimizer, mesh), _valuing(experiment)
    critic = None if valuing is None else blueprint(valuing, optimizer, mesh)

    whole = policy
    if critic is not None:
        whole = Blueprint(
            policy.graphdef,
            _with_critic(policy.abstract, critic.abstract),
            _with_critic(policy.shardings, critic.shardings),
        )
    like, shardings = (
        Start(each.params, each.variables) for each in (whole.abstract, whole.shardings)
    )

    def draw(part: Callable[[Start], Start]) -> Start:
        def make() -> Start:
            state = initial_state(experiment, optimizer)
            return part(Start(state.params, state.variables))

        return jax.jit(make, out_shardings=part(shardings))()

    def make_state(start: Start) -> TrainState:
        state = initial_state(experiment, optimizer)  # of which nothing but keys is computed
        opt_state = optimizer.init(start.params)
        state = state._replace(**start._asdict(), opt_state=opt_state)
        return state if valuing is None else _with_critic(state, initial_state(valuing, optimizer))

    def first_state() -> TrainState:
        start = begin(like, draw, experiment.start_from, run)
        state = jax.jit(make_state, out_shardings=whole.shardings, donate_argnums=0)(start)
        return state if valuing is None else _valued_from(state)

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


def _with_base_dtype(experiment: PostTraining, run: Path | None) -> PostTraining:
    """The experiment with the dtype of the weights below LoRA decided, where it does not say."""
    model, dtype = experiment.model, experiment.precision.param_dtype
    if not isinstance(model, LoraSettings) or model.base_dtype is not None:
        return experiment
    kept = run / FOLDER if run is not None and (run / FOLDER).exists() else None
    source = kept or (experiment.start_from and Path(experiment.start_from))
    rounded = bool(source) and dtype == "bfloat16" and is_rounded(source, "start_from")
    model = model.model_copy(update={"base_dtype": "bfloat16" if rounded else "float32"})
    return experiment.model_copy(update={"model": model})


def _valuing(experiment: PostTraining) -> PostTraining | None:
    """The experiment with the value model in the place of the policy, where there is one."""
    if not isinstance(experiment.method, ProximalPolicy):
        return None
    return experiment.model_copy(update={"model": CriticSettings(base=experiment.plain_model)})


def _with_critic(policy: TrainState, critic: TrainState) -> TrainState:
    return policy._replace(opt_state={"policy": policy.opt_state, "critic": critic})


def _valued_from(state: TrainState) -> TrainState:
    """A new state whose value model has the policy's weights as well."""
    critic: TrainState = state.opt_state["critic"]
    begun = state.variables.get("base") or union(state.params, state.variables)
    weights = {"transformer": jax.tree.map(jnp.copy, begun)}
    params, variables = (
        fit_weights(select(union(part, weights), part), part, "the value model")
        for part in (critic.params, critic.variables)
    )
    critic = critic._replace(params=params, variables=variables)
    return state._replace(opt_state={**state.opt_state, "critic": critic})
