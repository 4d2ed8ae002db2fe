"""Steps of Tunix's trainers that compute a batch in parts, to save memory."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import PyTree
from tunix.sft.peft_trainer import PeftTrainer

from ..numerics.shapes import Scalar
from ..training.step import deal

Weigh = Callable[[Any], Scalar]
"""What the mean loss of a part of a batch counts for: what it is the mean of."""


def accumulate(trainer: PeftTrainer, parts: int, weigh: Weigh) -> None:
    """Let a trainer compute each batch in parts, with the gradient of the whole batch's loss.

    Tunix's own accumulation averages the means of several batches, however much each of them holds.

    Args:
        trainer: Is changed in place.
        parts: How many, a divisor of the number of examples; see `training.step.deal`.
        weigh: Of a part, as the trainer's `gen_model_input_fn` takes it.
    """
    told: Any = trainer

    def step(model: nnx.Module, optimizer: nnx.Optimizer, batch: Any) -> tuple[Any, Any, Scalar]:
        graphdef, params, rest = nnx.split(model, optimizer.wrt, ...)

        def weighted_loss(params: PyTree, part: Any) -> tuple[Scalar, PyTree]:
            model, weight = nnx.merge(graphdef, params, rest), weigh(part)
            made = told.loss_fn(model, **told.gen_model_input_fn(part))
            loss, aux = made if told._has_aux else (made, None)
            return weight * loss, (weight, jax.tree.map(lambda value: weight * value, (loss, aux)))

        def add(sums: PyTree, part: Any) -> tuple[PyTree, None]:
            found = jax.grad(weighted_loss, has_aux=True)(params, part)
            return jax.tree.map(jnp.add, sums, found), None

        dealt = deal(batch, parts)
        first = jax.tree.map(lambda rows: rows[0], dealt)
        like = jax.eval_shape(jax.grad(weighted_loss, has_aux=True), params, first)
        zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), like)
        (grads, (weight, means)), _ = jax.lax.scan(add, zeros, dealt)
        grads, (loss, aux) = jax.tree.map(lambda total: total / weight, (grads, means))
        optimizer.update(model, grads, value=loss)  # jaxcheck: ignore[JX1005] skips unsafe ones
        return loss, aux, optax.tree.norm(grads)

    told.create_train_step_fn = lambda: step
