"""What the model is trained for: yours to change."""

from collections.abc import Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray
from pydantic import Field

from .encoding import Encoding
from .model import TableNetwork
from .schema import Task
from .settings import Settings
from .training.metrics import Mean, Means


class TargetLoss(Settings):
    """Cross-entropy of classes, in nats; or the squared error of a number.

    Attributes:
        task: Which of the two; it follows from the data, like the next.
        target_std: Standard deviation of the number in the training split.
    """

    task: Task | None = None
    target_std: float = Field(default=1.0, gt=0)

    def fitted(self, info: Mapping[str, Any]) -> "TargetLoss":
        """This loss for the target of a data set."""
        target = Encoding.of(info).target
        return self.model_copy(update={"task": target.task, "target_std": target.std})

    def __call__(
        self, model: TableNetwork, batch: dict[str, Array], key: PRNGKeyArray | None = None
    ) -> Means:
        """Means over the batch's rows.

        Args:
            model: The model.
            batch: ``numbers``, ``missing``, ``categories``, ``targets``, ``weights``; see
                ``data.make_batch``.
            key: Randomness for dropout, in training.

        Returns:
            For classes: ``loss``, the cross-entropy in nats, and ``accuracy`` of the likeliest
            class. For a number: ``loss``, the squared error as a share of the training targets'
            variance (so 1 - loss is about R²), and ``mae``, the absolute error in the target's own
            unit.
        """
        targets, weights = batch["targets"], batch["weights"]
        chex.assert_equal_shape([targets, weights])
        outputs = model(batch["numbers"], batch["missing"], batch["categories"], key=key)
        chex.assert_shape(outputs, (*targets.shape, model.settings.num_outputs))
        if self.task == "classification":
            nats = jax.nn.logsumexp(outputs, axis=-1)
            nats -= jnp.take_along_axis(outputs, targets[:, None], axis=-1)[:, 0]
            hits = jnp.float32(jnp.argmax(outputs, axis=-1) == targets)
            return {"loss": Mean.of(nats, weights), "accuracy": Mean.of(hits, weights)}
        error = outputs[:, 0] - targets
        return {
            "loss": Mean.of(jnp.square(error), weights),
            "mae": Mean.of(jnp.abs(error) * self.target_std, weights),
        }
