"""One step at a time of what Tunix trains."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.sharding import Mesh
from jaxtyping import PRNGKeyArray, PyTree
from tunix.sft.peft_trainer import PeftTrainer

from ..numerics.shapes import Scalar
from ..training.module_checks import Part
from .accumulation import Weigh, accumulate
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
        micro_batches: Parts that a batch is computed in.
        watching: Whether the optimizer is to be told the loss of each batch.
    """

    policy: Policy
    companion: Policy | None
    critic: ValueModel | None
    optimizer: optax.GradientTransformation
    mesh: Mesh
    data: Any
    key: PRNGKeyArray
    micro_batches: int = 1
    watching: bool = False


@dataclass
class StepTrainer:
    """Trainers of Tunix's, called for one step at a time.

    Attributes:
        trainers: The policy's, and the value model's where there is one.
        mesh: The mesh that the models lie on.
        train: Trains on the batch of a step of the run, counted from 0; returns metrics beside
            those that the trainers log.
    """

    trainers: list[PeftTrainer]
    mesh: Mesh
    train: Callable[[int, dict[str, Any]], dict[str, float]]
    _metrics: StepMetrics = field(default_factory=StepMetrics)

    def __post_init__(self) -> None:
        logger: Any = self._metrics
        for trainer in self.trainers:  # it is to skip no data and to show no bar
            trainer.is_managed_externally = True
            trainer.config.max_steps = None
            trainer.metrics_logger = logger

    @property
    def optimizers(self) -> list[nnx.Optimizer]:
        """The optimizer of each trainer."""
        return [trainer.optimizer for trainer in self.trainers]

    def step(self, number: int, batch: dict[str, Any]) -> dict[str, float]:
        """Train on the batch of a step, as the program has put it; the metrics of the step."""
        with tunix_mesh(self.mesh):
            measured = self.train(number, batch)
        return self._metrics.take() | measured


def batch_trainer(
    trainer: PeftTrainer,
    setup: Setup,
    weigh: Weigh,
    inputs: Callable[[dict[str, Any]], Any] = dict,
) -> StepTrainer:
    """A trainer of Tunix's that learns from batches.

    Args:
        trainer: The trainer.
        setup: What it is built of.
        weigh: What a part of a batch counts for.
        inputs: Makes of a batch what the trainer takes.
    """
    if setup.micro_batches > 1 or setup.watching:  # Tunix's own step keeps the loss to itself
        accumulate(trainer, setup.micro_batches, weigh)

    def train(number: int, batch: dict[str, Any]) -> dict[str, float]:
        trainer.train([inputs(batch)])
        trainer.close()  # which writes the metrics that it holds back for one step
        return {}

    return StepTrainer([trainer], setup.mesh, train)


def count_targets(batch: dict[str, Any]) -> Scalar:
    """Tokens of a batch that count in the loss."""
    return jnp.sum(batch["response_mask"], dtype=jnp.float32)


def show_parts(trainer: PeftTrainer, show: Callable[[Part], None]) -> None:
    """Show what a trainer differentiates, each time before it does.

    Args:
        trainer: Is changed in place.
        show: Given the loss as a function of what it trains and of one batch.
    """
    told: Any = trainer
    prepare = told._prepare_inputs

    def loss(model: nnx.Module, example: Any) -> Scalar:
        made = told.loss_fn(model, **told.gen_model_input_fn(example))
        return made[0] if told._has_aux else made

    def prepared(batch: Any) -> Any:
        example = prepare(batch)
        graphdef, *states = nnx.split(told.model, told.optimizer.wrt, ...)
        params, rest = map(nnx.to_pure_dict, states)
        show(Part(type(told.model).__name__, graphdef, params, rest, example, loss))
        return example

    told._prepare_inputs = prepared


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
