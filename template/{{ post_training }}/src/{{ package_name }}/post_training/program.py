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

from ..errors import UserError
from ..numerics.precision import cast_floating
from ..parallel.rules import put_batch
from ..training.optimizer import OptimizerSettings
from ..training.program import Program
from ..training.state import Blueprint, TrainState, blueprint
from .completions import evaluate_completions
from .methods import Distillation, Method, Reinforcement
from .start import FOLDER, Start, read_start
from .weights import load_weights


@dataclass(frozen=True)
class TunixProgram(Program):
    """What an experiment of post-training computes on a mesh.

    Where there is a value model (PPO), the optimizer's state in `TrainState` is a dictionary of the
    policy's, ``policy``, and the value model's whole state, ``critic``.

    Attributes:
        method: How the model is trained.
        tokenizer: The data's.
        run: The folder of the run.
        optimizer: Applies safe updates only.
        rates: Learning rates by update, by the names of their metrics.
        critic: Structure, shapes and shardings of the value model's state.
    """

    method: Method
    tokenizer: Any
    run: Path | None
    optimizer: optax.GradientTransformation
    rates: dict[str, optax.Schedule]
    critic: Blueprint | None

    def compile_train_step(self, batch: dict[str, Any]) -> Any:
        """A step of Tunix's, as a function of state and batch; it is compiled by its first call."""
        return self.train_step(self)

    def put(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch as the step takes it: for reinforcement learning, texts."""
        if isinstance(self.method, Reinforcement):
            texts = {name: array for name, array in batch.items() if array.dtype.kind == "U"}
            return {"prompts": texts.pop("text"), **texts}
        return super().put(batch)

    def evaluate(
        self, state: TrainState, batches: Iterable[dict[str, Any]], name: str | None = None
    ) -> dict[str, float]:
        """Metrics over all batches: of the objective, or the rewards of greedy completions."""
        if isinstance(self.method, Reinforcement):
            rewards = self.method.rewards.functions()

            def respond(inputs: dict[str, Any]) -> jax.Array:
                return self._predict(state, put_batch(inputs, self.batch))["response"]

            return evaluate_completions(batches, respond, self.tokenizer, rewards)
        if self.method.needs_companion:
            companion, outputs = nnx.state(self.companion), self._companion_outputs
            given = (put_batch(batch, self.batch) for batch in batches)
            batches = (batch | outputs(companion, batch) for batch in given)
        return super().evaluate(state, batches, name)

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
        method = self.method
        if isinstance(method, Distillation):
            # With another optimizer, or what it freezes of the student would be frozen here.
            parts = {"model": method.teacher_model, "optimizer": OptimizerSettings()}
            teacher = self.experiment.model_copy(update=parts)
            structure = blueprint(teacher, optax.identity(), self.mesh)
            like = structure.abstract.params
            params = load_weights(Path(method.teacher), "method.teacher", like)
            return nnx.merge(structure.graphdef, params, {})
        start: Any = self._kept
        if start is None and self.run is not None:
            raise UserError(f"{self.run} lacks its folder {FOLDER!r}, the weights it began with")
        start = start or self.initial_state()
        return nnx.merge(self.blueprint.graphdef, start.params, start.variables)

    @cached_property
    def _companion_outputs(self) -> Callable[[nnx.State, dict[str, Any]], dict[str, Any]]:
        graphdef, outputs = nnx.graphdef(self.companion), self.method.companion_outputs
        dtype = self.experiment.precision.param_dtype  # as the model that is evaluated

        def look(state: nnx.State, batch: dict[str, Any]) -> dict[str, Any]:
            return outputs(nnx.merge(graphdef, cast_floating(state, dtype)), batch)

        return jax.jit(look)

    @cached_property
    def _kept(self) -> Start | None:
        """What the run began with; asked for once that is in its folder."""
        abstract = self.blueprint.abstract
        return read_start(self.run, Start(abstract.params, abstract.variables))
