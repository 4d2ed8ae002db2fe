"""What the model is trained for: yours to change."""

from collections.abc import Callable

import chex
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray
from pydantic import Field

from .settings import Settings
from .training.metrics import Mean, Means

Classifier = Callable[..., Float[Array, "batch num_classes"]]


class Classification(Settings):
    """Cross-entropy of an image's class, in nats.

    Attributes:
        label_smoothing: Share of the target's probability that is spread evenly over all classes
            (Szegedy et al., 2016); the loss cannot fall to zero then.
    """

    label_smoothing: float = Field(default=0.0, ge=0, lt=1)

    def __call__(
        self, model: Classifier, batch: dict[str, Array], key: PRNGKeyArray | None = None
    ) -> Means:
        """Means over the batch's images.

        Args:
            model: The model.
            batch: ``images`` (float32, ``[batch, height, width, channels]``), ``labels`` (int32,
                ``[batch]``) and ``weights`` (float32, ``[batch]``).
            key: Randomness for dropout, in training.

        Returns:
            ``loss``, what the gradient is taken of; ``accuracy`` of the likeliest class; with more
            than five classes also ``top_5_accuracy``, whether the right one is among the five
            likeliest.
        """
        images, labels, weights = batch["images"], batch["labels"], batch["weights"]
        chex.assert_rank(images, 4)
        chex.assert_shape([labels, weights], images.shape[:1])
        logits = model(images, key=key)
        chex.assert_shape(logits, (*labels.shape, None))
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
