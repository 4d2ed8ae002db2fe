"""The program of a run whose steps Tunix makes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import optax
from flax import nnx

from ..errors import UserError
from ..numerics.precision import cast_floating
from ..parallel.rules import put_batch
from ..training.module_checks import Examined
from ..training.optimizer import OptimizerSettings
from ..training.program import Program
from ..training.start import Start
from ..training.state import StateLayout, TrainState, state_layout
from .completions import evaluate_completions
from .methods import Distillation, Reinforcement
from .weights import load_weights


@dataclass(frozen=True)
class TunixProgram(Program):
    """What an experiment of post-training computes on a mesh.

    Where there is a value model (PPO), the optimizer's state in `TrainState` is a dictionary of the
    policy's, ``policy``, and the value model's whole state, ``critic``.

    Attributes:
        experiment: A `PostTraining`.
        optimizer: Applies safe updates only.
        critic: Structure, shapes and shardings of the value model's state.
    """

    experiment: Any  # its module imports this one
    optimizer: optax.GradientTransformation
    critic: StateLayout | None

    def compile_train_step(self, batch: dict[str, Any]) -> Any:
        """A step of Tunix's, as a function of state and batch; it is compiled by its first call."""
        return self.train_step(self)

    def examine(self, step: Any, state: TrainState, batch: dict[str, Any]) -> Iterator[Examined]:
        """Look at each module in a step of Tunix's, which is made, and at its gradient."""
        return iter((step or self.train_step(self)).examine(state, batch))

    def restart(self, step: Any) -> None:
        """Let a step of Tunix's go on from a state that it has not returned."""
        step.restart()

    def put(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch as the step takes it.

        For reinforcement learning, the tokens of prompts, and texts; for distillation, with what
        the teacher says of it.
        """
        method = self.experiment.method
        if isinstance(method, Reinforcement):
            texts = {name: array for name, array in batch.items() if array.dtype.kind == "U"}
            return {"prompts": batch["prompt"], **texts}
        return self._compared(batch) if isinstance(method, Distillation) else super().put(batch)

    def evaluate(
        self, state: TrainState, batches: Iterable[dict[str, Any]], name: str | None = None
    ) -> dict[str, float]:
        """Metrics over all batches: of the objective, or the rewards of greedy completions."""
        method = self.experiment.method
        if isinstance(method, Reinforcement):

            def respond(inputs: dict[str, Any]) -> dict[str, jax.Array]:
                return self._predict(state, put_batch(inputs, self.batch))

            tokenizer, rewards = self.experiment.tokenizer, method.rewards.functions()
            _, metrics = self._metrics(name)
            return evaluate_completions(batches, respond, tokenizer, rewards, metrics)
        if method.needs_companion:
            batches = map(self._compared, batches)
        return super().evaluate(state, batches, name)

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
            layout = state_layout(teacher, optax.identity(), self.mesh)
            like = layout.abstract.params
            params = load_weights(Path(method.teacher), "method.teacher", like)
            return nnx.merge(layout.graphdef, params, {})
        start = self.begun
        if start is None and self.run is not None:
            raise UserError(f"{self.run} lacks its folder 'start', the weights it began with")
        start = start or Start.of(self.initial_state())
        return nnx.merge(self.layout.graphdef, start.params, start.variables)

    def _compared(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch on the mesh with what the objective needs of the companion's view of it."""
        batch = put_batch(batch, self.batch)
        return batch | self._companion_outputs(nnx.state(self.companion), batch)

    @cached_property
    def _companion_outputs(self) -> Callable[[nnx.State, dict[str, Any]], dict[str, Any]]:
        graphdef, outputs = nnx.graphdef(self.companion), self.experiment.method.companion_outputs
        dtype = self.experiment.precision.param_dtype  # as the model that is evaluated

        def look(state: nnx.State, batch: dict[str, Any]) -> dict[str, Any]:
            return outputs(nnx.merge(graphdef, cast_floating(state, dtype)), batch)

        return jax.jit(look)
