"""What the model is trained for: yours to change."""

import chex
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from .model import Forecaster, Quantiles
from .settings import Settings
from .training.metrics import Mean, Means


class QuantileLoss(Settings):
    """The mean quantile loss (Koenker and Bassett, 1978) over the forecast's levels.

    It is divided by the channel's seasonal change (`series.seasonal_scales`), so that channels of
    different units count alike, and doubled, so that it is the absolute error at the median.
    """

    def __call__(
        self, model: Forecaster, batch: dict[str, Array], key: PRNGKeyArray | None = None
    ) -> Means:
        """Means over the targets that are there.

        Args:
            model: The model.
            batch: What `Windows.read` makes.
            key: Randomness for dropout, in training.

        Returns:
            ``loss``, what the gradient is taken of; ``wql``, the weighted quantile loss: the same
            in the units of the data, over the sum of all absolute values; ``mase``, the mean
            absolute scaled error of the median (Hyndman and Koehler, 2006), 1 for errors as large
            as those of the seasonal naive forecast one season ahead.
        """
        targets, weights, scales = batch["targets"], batch["weights"], batch["scales"]
        chex.assert_equal_shape([targets, weights])
        inputs = (batch[name] for name in ("history", "observed", "history_time", "future_time"))
        quantiles = model(*inputs, key=key)
        levels = model.settings.levels
        chex.assert_shape(quantiles, (*targets.shape, len(levels)))
        per_scale = 1.0 / jnp.where(scales > 0, scales, 1.0)[:, None, :]
        losses = quantile_losses(quantiles, targets, levels)
        error = jnp.abs(targets - quantiles[..., len(levels) // 2])
        return {
            "loss": Mean.of(losses * per_scale, weights),
            "wql": Mean(jnp.sum(losses * weights), jnp.sum(jnp.abs(targets) * weights)),
            "mase": Mean.of(error * per_scale, weights),
        }


def quantile_losses(
    quantiles: Quantiles,
    targets: Float[Array, "batch horizon channels"],
    levels: tuple[float, ...],
) -> Float[Array, "batch horizon channels"]:
    """Twice the quantile loss, its mean over the levels: near the CRPS where they are many."""
    level = jnp.array(levels, jnp.float32)[None, None, None, :]
    error = targets[..., None] - quantiles
    return 2.0 * jnp.mean(jnp.maximum(level * error, (level - 1.0) * error), axis=-1)
