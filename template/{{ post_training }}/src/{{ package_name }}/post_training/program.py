"""The program of a run whose steps Tunix makes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.sharding import Mesh
from pydantic import ConfigDict

from ..errors import UserError
from ..numerics.precision import Precision, cast_floating
from ..parallel.rules import batch_sharding
from ..settings import Settings
from ..training.evaluation import inference_model, make_eval_step, put_batch
from ..training.experiment import ModelSettings
from ..training.optimizer import OptimizerSettings, rates_of
from ..training.program import Program
from ..training.state import Blueprint, TrainState, blueprint, initial_state
from .completions import evaluate_completions
from .experiment import PostTraining
from .guard import guarded
from .methods import Distillation, ProximalPolicy, Reinforcement
from .policy import ValueModel
from .start import FOLDER, Start, begin, read_start
from .weights import fit_weights, read_weights, select, union


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


@dataclass(frozen=True)
class TunixProgram(Program):
    """What an experiment of post-training computes on a mesh.

    Where there is a value model (PPO), the optimizer's state in `TrainState` is a dictionary of the
    policy's, ``policy``, and the value model's whole state, ``critic``.

    Attributes:
        experiment: The experiment.
        run: The folder of the run.
        optimizer: Applies safe updates only.
        rates: Learning rates by update, by the names of their metrics.
        critic: Structure, shapes and shardings of the value model's state.
    """

    experiment: PostTraining
    run: Path | None
    optimizer: optax.GradientTransformation
    rates: dict[str, optax.Schedule]
    critic: Blueprint | None

    def compile_train_step(self, batch: dict[str, Any]) -> Any:
        """A step of Tunix's, as a function of state and batch; it is compiled by its first call."""
        from .step import TunixStep

        return TunixStep(self)

    def put(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch as the step takes it: for reinforcement learning, texts."""
        if isinstance(self.experiment.method, Reinforcement):
            texts = {name: array for name, array in batch.items() if array.dtype.kind == "U"}
            return {"prompts": texts.pop("text"), **texts}
        return super().put(batch)

    def evaluate(self, state: TrainState, batches: Iterable[dict[str, Any]]) -> dict[str, float]:
        """Metrics over all batches: of the objective, or the rewards of greedy completions."""
        method = self.experiment.method
        if isinstance(method, Reinforcement):
            rewards, tokenizer = method.rewards.functions(), self.experiment.tokenizer

            def respond(inputs: dict[str, Any]) -> jax.Array:
                return self._respond(state, put_batch(inputs, self.batch))

            return evaluate_completions(batches, respond, tokenizer, rewards)
        if method.needs_companion:
            companion, outputs = nnx.state(self.companion), self._companion_outputs
            given = (put_batch(batch, self.batch) for batch in batches)
            batches = (batch | outputs(companion, batch) for batch in given)
        return super().evaluate(state, batches)

    def baseline(self) -> TrainState | None:
        """What the run began with, without what an optimizer remembers."""
        start = self._kept
        if start is None:
            return None
        nothing, key = jnp.int32(0), jax.random.key(self.experiment.seed)
        return TrainState(nothing, key, start.params, start.variables, (), nothing, nothing)

    @cached_property
    def companion(self) -> Any:
        """The reference or the teacher, on the mesh.

        Raises:
            UserError: Its weights are not there.
        """
        method = self.experiment.method
        if isinstance(method, Distillation):
            # With another optimizer, or what it freezes of the student would be frozen here.
            parts = {"model": method.teacher_model, "optimizer": OptimizerSettings()}
            teacher = self.experiment.model_copy(update=parts)
            plan = blueprint(teacher, optax.identity(), self.mesh)
            weights = read_weights(Path(method.teacher), "method.teacher")
            source = f"method.teacher: {method.teacher}"
            params = fit_weights(weights, plan.abstract.params, source)
            return nnx.merge(plan.graphdef, params, {})
        start: Any = self._kept
        if start is None and self.run is not None:
            raise UserError(f"{self.run} lacks its folder {FOLDER!r}, the weights it began with")
        start = start or self.initial_state()
        return nnx.merge(self.blueprint.graphdef, start.params, start.variables)

    @cached_property
    def _respond(self) -> Callable[[TrainState, dict[str, Any]], jax.Array]:
        """Greedy completions of prompts, compiled once for all evaluations of a run."""
        graphdef, experiment = self.blueprint.graphdef, self.experiment
        prediction: Any = experiment.prediction

        def respond(state: TrainState, inputs: dict[str, Any]) -> jax.Array:
            return prediction(inference_model(graphdef, state, experiment.precision), inputs)[
                "response"
            ]

        return jax.jit(respond)

    @cached_property
    def _companion_outputs(self) -> Callable[[nnx.State, dict[str, Any]], dict[str, Any]]:
        graphdef, outputs = nnx.graphdef(self.companion), self.experiment.method.companion_outputs
        dtype = self.experiment.precision.param_dtype  # as the model that is evaluated

        def look(state: nnx.State, batch: dict[str, Any]) -> dict[str, Any]:
            return outputs(nnx.merge(graphdef, cast_floating(state, dtype)), batch)

        return jax.jit(look)

    @cached_property
    def _kept(self) -> Start | None:
        """What the run began with; asked for once that is in its folder."""
        abstract = self.blueprint.abstract
        return read_start(self.run, Start(abstract.params, abstract.variables))


def make_tunix_program(experiment: PostTraining, mesh: Mesh, run: Path | None) -> TunixProgram:
    """Lay an experiment of post-training out over a mesh.

    Raises:
        UserError: The batch or a parameter does not divide over its axis of the mesh.
    """
    steps = experiment.loop.steps * experiment.method.updates_per_step
    optimizer = guarded(experiment.optimizer.build(steps), experiment.safety)
    policy, valuing = blueprint(experiment, optimizer, mesh), _valuing(experiment)
    critic = None if valuing is None else blueprint(valuing, optimizer, mesh)

    def make_state() -> TrainState:
        state = initial_state(experiment, optimizer)
        if valuing is None:
            return state
        return _with_critic(state, initial_state(valuing, optimizer))

    plan = policy
    if critic is not None:
        plan = Blueprint(
            policy.graphdef,
            _with_critic(policy.abstract, critic.abstract),
            _with_critic(policy.shardings, critic.shardings),
        )

    def first_state() -> TrainState:
        state = jax.jit(make_state, out_shardings=plan.shardings)()
        start = begin(Start(state.params, state.variables), experiment.start_from, run)
        return _with_start(state, start)

    return TunixProgram(
        experiment=experiment,
        mesh=mesh,
        blueprint=plan,
        batch=batch_sharding(mesh),
        initial_state=first_state,
        train_step=None,
        eval_step=jax.jit(make_eval_step(plan.graphdef, experiment)),
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
