"""An experiment of post-training, and how its program is made."""

import dataclasses
from collections.abc import Callable
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
from ..training.start import Start, kept_start, started
from ..training.state import TrainState, initial_state, state_layout
from ..training.weights import fit_weights, select, union
from .guard import guarded
from .lora import LoraSettings
from .methods import Distillation, Method, ProximalPolicy, Reinforcement
from .policy import ValueModel
from .program import TunixProgram
from .start import begin_with
from .weights import is_rounded


class PostTraining(Experiment):
    """A run whose steps Tunix makes.

    Attributes:
        method: How the model is trained.
    """

    method: Method

    @model_validator(mode="after")
    def _method_fits(self) -> "PostTraining":
        if self.loop.micro_batches != 1 and isinstance(self.method, Reinforcement):
            raise ValueError(
                "loop.micro_batches: rewards compare completions of a whole batch; leave it at 1, "
                "and lower data.batch_size or method.completions, or set model.remat=full"
            )
        if self.safety.spike_threshold is not None and isinstance(self.method, Reinforcement):
            raise ValueError(
                "safety.spike_threshold: losses of reinforcement learning, of advantages around 0, "
                "say nothing of spikes; leave it at None"
            )
        if getattr(self.data, "pack", False) and isinstance(self.method, Distillation):
            raise ValueError("data.pack: a teacher looks at one example a row; leave it off")
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
    def sources(self) -> dict[str, str]:
        """Folders of the runs whose weights this one needs, by the fields that name them."""
        found = super().sources
        if isinstance(self.method, Distillation):
            found["method.teacher"] = self.method.teacher
        return found

    @property
    def updates_per_step(self) -> int:
        """Updates of the weights in a step of the run."""
        return self.method.updates_per_step

    @property
    def plain_model(self) -> Any:
        """Settings of the model, those below LoRA."""
        return getattr(self.model, "base", self.model)

    def make_program(self, mesh: Mesh, run: Path | None) -> Program:
        """The program whose steps Tunix makes.

        Raises:
            UserError: There are several processes for rewards, or the weights to start from are
                not there, or the batch or a parameter does not divide over its axis of the mesh.
        """
        if jax.process_count() > 1 and isinstance(self.method, Reinforcement):
            raise UserError(
                "Tunix samples completions in one process, on all devices that it sees: start this "
                "without JAX_COORDINATOR_ADDRESS; the methods without rewards may have several"
            )
        tokenizer, vocab_size = self.tokenizer, self.plain_model.vocab_size
        if vocab_size < tokenizer.vocab_size:
            raise UserError(
                f"model.vocab_size: {vocab_size} is less than the {tokenizer.vocab_size} ids "
                f"of the tokenizer {tokenizer.name}"
            )
        from .step import TunixStep  # which imports Tunix

        experiment = self._with_base_dtype(run)
        steps = experiment.loop.steps * experiment.method.updates_per_step
        built = hooked(experiment.hooks, experiment.optimizer.build(steps))
        optimizer = guarded(built, experiment.safety, experiment.hooks)
        layout, valuing, critic = state_layout(experiment, optimizer, mesh), None, None
        if isinstance(experiment.method, ProximalPolicy):
            valuing = experiment.model_copy(update={"model": _Valuing(experiment.plain_model)})
            critic = state_layout(valuing, optimizer, mesh)
            both = _with_critic(layout.abstract, critic.abstract)
            layout = dataclasses.replace(layout, abstract=both)

        like, shardings = Start.of(layout.abstract), Start.of(layout.shardings)

        def draw(part: Callable[[Start], Start]) -> Start:
            def make() -> Start:
                state = initial_state(experiment, optimizer)
                return part(Start(state.params, state.variables))

            return jax.jit(make, out_shardings=part(shardings))()

        def make_state(start: Start) -> TrainState:
            state = started(experiment, optimizer, start)
            return (
                state if valuing is None else _with_critic(state, initial_state(valuing, optimizer))
            )

        def first_state() -> TrainState:
            start = begin_with(like, draw, experiment.start_from, run)
            state = jax.jit(make_state, out_shardings=layout.shardings, donate_argnums=0)(start)
            return state if valuing is None else _valued_from(state)

        return TunixProgram(
            experiment=experiment,
            mesh=mesh,
            layout=layout,
            batch=batch_sharding(mesh),
            initial_state=first_state,
            train_step=TunixStep,
            run=run,
            optimizer=optimizer,
            critic=critic,
        )

    def _with_base_dtype(self, run: Path | None) -> "PostTraining":
        """The experiment with the dtype of the weights below LoRA decided, where it is open."""
        if not isinstance(self.model, LoraSettings) or self.model.base_dtype is not None:
            return self
        source = kept_start(run) or (self.start_from and Path(self.start_from))
        bfloat16 = self.precision.param_dtype == "bfloat16"
        rounded = bool(source) and bfloat16 and is_rounded(source, "start_from")
        model = self.model.model_copy(update={"base_dtype": "bfloat16" if rounded else "float32"})
        return self.model_copy(update={"model": model})


@dataclasses.dataclass(frozen=True)
class _Valuing:
    """Settings of PPO's value model: those of the transformer that it is built on."""

    base: ModelSettings

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> ValueModel:
        return ValueModel(self.base.build(rngs=rngs, precision=precision))


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
