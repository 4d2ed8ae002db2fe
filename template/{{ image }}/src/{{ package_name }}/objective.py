"""What the model is trained for: yours to change."""

from collections.abc import Callable, Mapping
from typing import Any

import chex
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray
from pydantic import Field

from .schema import ImageSchema
from .settings import Settings
from .targets import Task
from .training.metrics import Mean, Means

Logits = Float[Array, "batch num_classes"]
Network = Callable[..., Logits]


class ImageLoss(Settings):
    """The loss for the targets of a data set: classes, labels or numbers.

    Attributes:
        label_smoothing: Share of the target's probability that is spread evenly over all classes
            (Szegedy et al., 2016), or over having a label and not; the loss cannot fall to zero
            then. Numbers are not smoothed.
        task: What the targets are; it follows from the data, like the next.
        target_std: Standard deviation of each number in the training split.
    """

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    task: Task = "classification"
    target_std: tuple[float, ...] = ()

    def fitted(self, info: Mapping[str, Any]) -> "ImageLoss":
        """This loss for the targets of a data set."""
        if info.get("kind") != "image":
            return self
        targets = ImageSchema.of(info).targets
        return self.model_copy(update={"task": targets.task, "target_std": tuple(targets.std)})

    def __call__(
        self, model: Network, batch: dict[str, Array], key: PRNGKeyArray | None = None
    ) -> Means:
        """Means over the batch's images.

        Args:
            model: The model.
            batch: ``images`` (float32, ``[batch, height, width, channels]``), ``labels`` (see
                `data.make_batch`) and ``weights`` (float32, ``[batch]``).
            key: Randomness for dropout, in training.

        Returns:
            ``loss``, what the gradient is taken of, and more. For classes, the cross-entropy in
            nats, ``accuracy`` of the likeliest, and with more than five also ``top_5_accuracy``,
            whether the right one is among the five likeliest. For labels, the mean of their binary
            cross-entropies, ``accuracy``, the share of labels that are right, and ``exact_match``,
            whether all of an image's are. For numbers, the squared error as a share of the training
            split's variance (so 1 - loss is about R²), and ``mae``, the absolute error: in its own
            unit, or, of several numbers, their mean in standard deviations.
        """
        images, labels, weights = batch["images"], batch["labels"], batch["weights"]
        chex.assert_rank(images, 4)
        chex.assert_equal_shape_prefix([images, labels, weights], 1)
        logits = model(images, key=key)
        if self.task == "classification":
            return self._of_classes(logits, labels, weights)
        if self.task == "multilabel":
            return self._of_labels(logits, labels, weights)
        return self._of_numbers(logits, labels, weights)

    def _of_classes(
        self, logits: Logits, labels: Int[Array, " batch"], weights: Float[Array, " batch"]
    ) -> Means:
        chex.assert_equal_shape([labels, weights])
        log_probabilities = jax.nn.log_softmax(logits, axis=-1)
        picked = jnp.take_along_axis(log_probabilities, labels[:, None], axis=-1)[:, 0]
        spread = jnp.mean(log_probabilities, axis=-1)
        nats = -(1 - self.label_smoothing) * picked - self.label_smoothing * spread
        likeliest = jnp.argmax(logits, axis=-1)
        means = {
            "loss": Mean.of(nats, weights),
            "accuracy": Mean.of(jnp.float32(likeliest == labels), weights),
        }
        if logits.shape[-1] > 5:
            _, five = jax.lax.top_k(logits, 5)
            among = jnp.any(five == labels[:, None], axis=-1)
            means["top_5_accuracy"] = Mean.of(jnp.float32(among), weights)
        return means

    def _of_labels(self, logits: Logits, labels: Logits, weights: Float[Array, " batch"]) -> Means:
        chex.assert_equal_shape([logits, labels])
        smoothed = labels * (1 - self.label_smoothing) + self.label_smoothing / 2
        nats = jnp.mean(optax.sigmoid_binary_cross_entropy(logits, smoothed), axis=-1)
        right = jnp.float32((logits > 0) == (labels > 0))
        return {
            "loss": Mean.of(nats, weights),
            "accuracy": Mean.of(jnp.mean(right, axis=-1), weights),
            "exact_match": Mean.of(jnp.min(right, axis=-1), weights),
        }

    def _of_numbers(self, logits: Logits, labels: Logits, weights: Float[Array, " batch"]) -> Means:
        chex.assert_equal_shape([logits, labels])
        error = logits - labels
        scale = self.target_std[0] if len(self.target_std) == 1 else 1.0
        return {
            "loss": Mean.of(jnp.mean(jnp.square(error), axis=-1), weights),
            "mae": Mean.of(jnp.mean(jnp.abs(error), axis=-1) * scale, weights),
        }
