"""What the model is trained for: yours to change."""

import math

import chex
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray
from pydantic import Field

from .model import Transformer
from .settings import Settings
from .training.metrics import Exponential, Mean, Means


class NextToken(Settings):
    """Cross-entropy of the next token, in nats.

    Attributes:
        z_loss: Weight of the squared log-normaliser, which keeps logits from drifting
            (Chowdhery et al., 2022).
    """

    z_loss: float = Field(default=0.0, ge=0)

    def __call__(
        self, model: Transformer, batch: dict[str, Array], key: PRNGKeyArray | None = None
    ) -> Means:
        """Means over the batch's tokens.

        Args:
            model: The model.
            batch: ``tokens``, ``targets``, ``segments``, ``positions``, ``bytes`` (int32) and
                ``weights`` (float32), each ``[batch, seq_len]``.
            key: Randomness for dropout, in training.

        Returns:
            ``loss``, what the gradient is taken of; ``perplexity``, the exponential of the mean
            cross-entropy; ``bits_per_byte``, all bits that the text costs, document ends included,
            over its bytes, which is comparable between tokenizers; ``accuracy`` of the likeliest
            token.
        """
        chex.assert_equal_shape([batch[name] for name in sorted(batch)])
        logits = model(batch["tokens"], batch["segments"], batch["positions"], key=key)
        targets, weights = batch["targets"], batch["weights"]
        chex.assert_shape(logits, (*targets.shape, model.settings.vocab_size))
        normaliser = jax.nn.logsumexp(logits, axis=-1)
        picked = jnp.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
        nats = normaliser - picked
        loss = Mean.of(nats + self.z_loss * jnp.square(normaliser), weights)
        bits = Mean.of(nats / math.log(2), weights)
        return {
            "loss": loss,
            "perplexity": Exponential.of(nats, weights),
            "bits_per_byte": Mean(bits.total, jnp.sum(jnp.float32(batch["bytes"]))),
            "accuracy": Mean.of(jnp.float32(jnp.argmax(logits, axis=-1) == targets), weights),
        }
