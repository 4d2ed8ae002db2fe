"""What the model is trained for: yours to change."""

from collections.abc import Mapping
from typing import Any, Literal

import chex
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import Field

from .encoding import Encoding
from .errors import UserError
from .model import TableNetwork
from .schema import Task
from .settings import Settings
from .training.metrics import Mean, Means


class TargetLoss(Settings):
    """Cross-entropy of classes, in nats; or the squared error of a number.

    Attributes:
        class_weights: ``balanced`` lets all classes count alike in the loss, however rare: each
            example weighs by the inverse of its class's share.
        focal_gamma: Makes examples count less the surer their class is, by (1 - p) to this power
            (Lin et al., 2017); 0 for plain cross-entropy.
        task: Which of the two; it follows from the data, like the next.
        target_std: Standard deviation of the number in the training split.
        shares: Of each class in the training split, where classes are balanced.
    """

    class_weights: Literal["none", "balanced"] = "none"
    focal_gamma: float = Field(default=0.0, ge=0)
    task: Task | None = None
    target_std: float = Field(default=1.0, gt=0)
    shares: tuple[float, ...] = ()

    def fitted(self, info: Mapping[str, Any]) -> "TargetLoss":
        """This loss for the target of a data set.

        Raises:
            UserError: The target is a number, and the settings are about classes.
        """
        target, shares = Encoding.of(info).target, ()
        balanced = self.class_weights == "balanced"
        if target.task != "classification" and (balanced or self.focal_gamma):
            raise UserError(
                "objective.class_weights and objective.focal_gamma are for classes, and the "
                f"target {target.name!r} is a number"
            )
        if balanced:
            counts = info["split"]["classes"]["train"]
            shares = tuple(counts[name] / sum(counts.values()) for name in target.classes)
        known = {"task": target.task, "target_std": target.std, "shares": shares}
        return self.model_copy(update=known)

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
            For classes: ``loss``, the cross-entropy in nats (weighted as the settings say), and
            ``accuracy`` of the likeliest class. For a number: ``loss``, the squared error as a
            share of the training targets' variance (so 1 - loss is about R²), and ``mae``, the
            absolute error in the target's own unit.
        """
        targets, weights = batch["targets"], batch["weights"]
        chex.assert_equal_shape([targets, weights])
        outputs = model(batch["numbers"], batch["missing"], batch["categories"], key=key)
        chex.assert_shape(outputs, (*targets.shape, model.settings.num_outputs))
        if self.task == "classification":
            nats = jax.nn.logsumexp(outputs, axis=-1)
            nats -= jnp.take_along_axis(outputs, targets[:, None], axis=-1)[:, 0]
            hits = jnp.float32(jnp.argmax(outputs, axis=-1) == targets)
            if self.focal_gamma:
                other = -jnp.expm1(-nats)  # what is left to all other classes
                nats *= jnp.maximum(other, 1e-6) ** self.focal_gamma  # a root has no slope at 0
            counted = weights
            if self.class_weights == "balanced":
                counted *= self._class_weights()[targets]
            return {"loss": Mean.of(nats, counted), "accuracy": Mean.of(hits, weights)}
        error = outputs[:, 0] - targets
        return {
            "loss": Mean.of(jnp.square(error), weights),
            "mae": Mean.of(jnp.abs(error) * self.target_std, weights),
        }

    def _class_weights(self) -> Float[Array, " num_classes"]:
        """What an example of each class weighs; 1 on average over the training split."""
        shares = jnp.array(self.shares, jnp.float32)
        # A class without an example there is none to weigh.
        return 1 / jnp.where(shares > 0, shares * len(self.shares), 1.0)
