"""One step at a time of what Tunix trains."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import jax
import optax
from flax import nnx
from jax.sharding import Mesh
from jaxtyping import PRNGKeyArray, PyTree
from tunix.sft.peft_trainer import PeftTrainer

from .mesh_context import tunix_mesh
from .metrics import StepMetrics
from .policy import Policy, ValueModel

CONFIG: dict[str, Any] = {
    "eval_every_n_steps": 2**31,  # the project's loop evaluates
    "data_sharding_axis": ("data",),
}
"""What every trainer of Tunix is told."""


@dataclass(frozen=True)
class Setup:
    """What a trainer is built of.

    Attributes:
        policy: The model that is trained.
        companion: The reference or the teacher, where the method has one.
        critic: The value model, for PPO.
        optimizer: Of the policy, and of the value model.
        mesh: The mesh that all of them lie on.
        data: Settings of the data, which know its tokenizer and the lengths of its examples.
        key: Randomness of completions.
    """

    policy: Policy
    companion: Policy | None
    critic: ValueModel | None
    optimizer: optax.GradientTransformation
    mesh: Mesh
    data: Any
    key: PRNGKeyArray


class StepTrainer(Protocol):
    """Something of Tunix's that is trained step by step."""

    @property
    def optimizers(self) -> list[nnx.Optimizer]:
        """The optimizer of the policy, and of the value model where there is one."""
        ...

    def step(self, number: int, batch: dict[str, Any]) -> dict[str, float]:
        """Train on a batch.

        Args:
            number: Step of the run, from 0.
            batch: The batch, as the program has put it.

        Returns:
            Metrics of this step.
        """
        ...


@dataclass
class BatchTrainer:
    """A trainer of Tunix's that learns from batches.

    Attributes:
        trainer: The trainer.
        mesh: The mesh.
        inputs: Turns a batch into what the trainer takes.
    """

    trainer: PeftTrainer
    mesh: Mesh
    inputs: Callable[[dict[str, Any]], Any]
    _metrics: StepMetrics = field(default_factory=StepMetrics)

    def __post_init__(self) -> None:
        step_by_step(self.trainer, self._metrics)

    @property
    def optimizers(self) -> list[nnx.Optimizer]:
        """The policy's."""
        return [self.trainer.optimizer]

    def step(self, number: int, batch: dict[str, Any]) -> dict[str, float]:
        """Train on a batch."""
        with tunix_mesh(self.mesh):
            self.trainer.train([self.inputs(batch)])
            self.trainer.close()  # which writes the metrics that it holds back for one step
        return self._metrics.take()


def step_by_step(trainer: PeftTrainer, metrics: StepMetrics) -> None:
    """Let a trainer be called for each step: it skips no data, shows no bar, tells `metrics`."""
    logger: Any = metrics
    trainer.is_managed_externally = True
    trainer.config.max_steps = None
    trainer.metrics_logger = logger


def read_optimizer(optimizer: nnx.Optimizer, like: PyTree) -> PyTree:
    """An optimizer's state as plain arrays, in the structure of `like`."""
    values = [leaf[...] for leaf in _variables(optimizer)]
    return jax.tree.unflatten(jax.tree.structure(like), values)


def write_optimizer(optimizer: nnx.Optimizer, state: PyTree) -> None:
    """Go on from an optimizer's state, laid out over the mesh as it is."""
    for leaf, value in zip(_variables(optimizer), jax.tree.leaves(state), strict=True):
        leaf[...] = value
        leaf.set_metadata(out_sharding=tuple(value.sharding.spec))  # Tunix lays it out by this


def _variables(optimizer: nnx.Optimizer) -> list[nnx.Variable]:
    """The variables of an optimizer's state, in the order in which Optax flattens it."""
    return jax.tree.leaves(optimizer.opt_state, is_leaf=lambda leaf: isinstance(leaf, nnx.Variable))
