"""Forecast intervals that cover what they say: adjusted to held-out windows, and measured.

A model's quantiles are too narrow where it has learned its series by heart, and too wide where it
has not learned enough. Conformalized quantile regression (Romano, Patterson and Candès, 2019)
measures by how much on the validation split, for each tail by itself, and corrects for it. Of its
variants this is the one whose intervals are stretched from the median (Kivaranovic, Johnson and
Leeb, 2020), so that what is found for one series holds for others of another unit, and for wider
and narrower forecasts.

That the corrected intervals cover their share of what comes holds as far as later errors are like
those of the validation split. Errors of windows that follow each other resemble each other, so that
the split tells less than its number of windows promises: the correction for the size of a sample
is that of its effective size.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Integer

from .errors import UserError
from .settings import Settings

Quantiles = Float[Array, "batch horizon channels num_quantiles"]
Factors = Float[np.ndarray, "horizon num_quantiles"]

# Targets beyond a quantile that its factor should follow from, where there are so many.
_BEYOND = 20
_ALIKE = 0.05  # the least autocorrelation that counts


def stretch(quantiles: Quantiles, factors: Factors) -> Quantiles:
    """Move quantiles away from the median, or towards it.

    Args:
        quantiles: From the lowest to the highest, the median in the middle.
        factors: What the distances from the median are multiplied by, for each step and quantile;
            later steps take those of the last.

    Returns:
        Quantiles that do not cross: each is at least as far from the median as those between.
    """
    steps, count = jnp.arange(quantiles.shape[1]), quantiles.shape[-1] // 2
    each = jnp.asarray(factors, jnp.float32)[jnp.minimum(steps, len(factors) - 1)]
    median = quantiles[..., count : count + 1]
    apart = jnp.abs(quantiles - median) * each[None, :, None, :]
    below = jax.lax.cummax(apart[..., :count], axis=3, reverse=True)
    above = jax.lax.cummax(apart[..., count + 1 :], axis=3)
    return jnp.concatenate([median - below, median, median + above], axis=-1)


class Fitted(NamedTuple):
    """What makes quantiles fit held-out targets.

    Attributes:
        factors: What `stretch` takes.
        sizes: For each quantile, how many independent windows the split is worth.
    """

    factors: Factors
    sizes: Float[np.ndarray, " num_quantiles"]


def fit_factors(
    levels: Sequence[float],
    quantiles: Float[np.ndarray, "batch horizon channels num_quantiles"],
    targets: Float[np.ndarray, "batch horizon channels"],
    weights: Float[np.ndarray, "batch horizon channels"],
) -> Fitted:
    """Find by what `stretch` makes quantiles fit held-out targets.

    The factor of a quantile is itself a quantile, of the scores of the targets: how far a target
    lies beyond the median, as a multiple of the forecast's own distance. With n independent scores
    it is the one at the rank (n + 1) times the level; n is the effective number of windows here,
    and where that is too small for the rank, it is the largest score. Scores of a step are pooled
    with those of the steps next to it, of as many as it takes for 20 beyond the factor, if there
    are so many.

    Args:
        levels: Those of the quantiles.
        quantiles: As a model forecasts them, windows of a series in order of time.
        targets: What came.
        weights: 1 for a target that is there, 0 for others; somewhere it is 1.
    """
    horizon, median = quantiles.shape[1], len(levels) // 2
    factors, sizes = np.ones((horizon, len(levels))), np.full(len(levels), np.inf)
    error, there = targets - quantiles[..., median], weights > 0
    counts = there.sum(axis=(0, 2))
    for at, level in enumerate(levels):
        if at == median:
            continue
        side, share = (-1, 1 - level) if at < median else (1, level)
        apart = np.abs(quantiles[..., at] - quantiles[..., median])
        scores = side * error / np.maximum(apart, np.finfo(np.float32).tiny)
        beyond = scores > np.quantile(scores[there], share)
        sizes[at] = effective_size(beyond, there)
        corrected = min(share * (1 + 1 / sizes[at]), 1.0)
        for step in range(horizon):
            near = _steps_around(step, counts, _BEYOND / (1 - share))
            chosen = scores[:, near][there[:, near]]
            factors[step, at] = max(np.quantile(chosen, corrected, method="higher"), 0.0)
    return Fitted(factors, sizes)


def effective_size(
    beyond: Bool[np.ndarray, "batch horizon channels"],
    there: Bool[np.ndarray, "batch horizon channels"],
) -> float:
    """How many independent windows would tell as much of a quantile, over all channels.

    It is the number of windows over the time for which their shares of targets beyond the quantile
    stay alike: the sum of the autocorrelations up to the first that is as good as none (Geyer,
    1992). Channels count as independent.
    """
    count = there.sum(axis=1)
    shares = np.sum(beyond, axis=1, where=there) / np.maximum(count, 1)
    size = 0.0
    for share, known in zip(shares.T, count.T > 0, strict=True):
        apart = share[known] - np.mean(share, where=known) if known.any() else share[known]
        power, lasts = float(apart @ apart), 1.0
        for lag in range(1, len(apart)):
            alike = float(apart[lag:] @ apart[:-lag]) / power if power > 0 else 0.0
            if alike < _ALIKE:
                break
            lasts += 2 * alike
        size += len(apart) / lasts
    return max(size, 1.0)


def _steps_around(step: int, counts: Integer[np.ndarray, " horizon"], needed: float) -> slice:
    """A step and those next to it, of which all are taken if fewer do not have enough targets."""
    for reach in range(len(counts)):
        near = slice(max(0, step - reach), step + reach + 1)
        if counts[near].sum() >= needed:
            return near
    return slice(None)


def calibration_of(levels: Sequence[float], fitted: Fitted) -> dict[str, Any]:
    """What a run keeps, in JSON's types, with a note where windows are too few for an interval."""
    found: dict[str, Any] = {"factors": fitted.factors.tolist()}
    few = [
        (level - other, 1 - level, min(fitted.sizes[-1 - at], fitted.sizes[at]))
        for at, (other, level) in enumerate(zip(levels, levels[::-1], strict=True))
        if at < len(levels) // 2
    ]
    few = [each for each in few if (each[2] + 1) * each[1] < 1 - 1e-6]
    if few:
        shares = ", ".join(f"{100 * share:.4g} %" for share, *_ in few)
        (_, rest, size), *_ = few
        found["note"] = (
            f"the validation split is worth about {size:.0f} independent windows, fewer than the "
            f"{math.ceil(1 / rest - 1 - 1e-6)} that it takes: intervals of {shares} are as wide as "
            "its largest errors, and may cover more or less than they say"
        )
    return found


class Intervals(Settings):
    """A metric for an evaluation's `metrics`: how good the intervals of the forecasts are.

    For each of the `shares`, say 0.8: ``coverage_80``, the share of the targets inside;
    ``width_80``, the mean width; and ``msis_80``, the mean scaled interval score (Gneiting and
    Raftery, 2007), to which a target outside adds its distance, times 2 / (1 - 0.8). The last two
    are in units of the seasonal change that `mase` is scaled by; less of them is better.

    Attributes:
        shares: How much of what comes an interval is to cover. Of the model's quantiles it lies
            between those at half of the rest on either side, 0.1 and 0.9 for 0.8.
    """

    shares: tuple[float, ...] = (0.8, 0.95)

    def collect(self, outputs: Mapping[str, Array], batch: Mapping[str, Array]) -> dict[str, Array]:
        """Sums over the targets of each window."""
        targets, weights, scales = batch["targets"], batch["weights"], batch["scales"]
        chex.assert_equal_shape([targets, weights, *outputs.values()])
        scales = jnp.where(scales > 0, scales, 1.0)[:, None, :]

        def total(values: Float[Array, "batch horizon channels"]) -> Float[Array, " batch"]:
            return jnp.sum(values * weights, axis=(1, 2))

        found = {"targets": total(jnp.ones_like(targets))}
        for share in self.shares:
            low, high = (self._end(outputs, (1 + side * share) / 2) for side in (-1, 1))
            beyond = jnp.maximum(low - targets, 0) + jnp.maximum(targets - high, 0)
            width, name = (high - low) / scales, f"{100 * share:g}"
            found[f"coverage_{name}"] = total(jnp.float32(beyond == 0))
            found[f"width_{name}"] = total(width)
            found[f"msis_{name}"] = total(width + 2 / (1 - share) * beyond / scales)
        return found

    def compute(self, examples: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Means over all targets."""
        sums = {name: float(array.sum(dtype=np.float64)) for name, array in examples.items()}
        count = sums.pop("targets", 0.0)
        return {name: value / count if count else math.nan for name, value in sums.items()}

    def _end(
        self, outputs: Mapping[str, Array], level: float
    ) -> Float[Array, "batch horizon channels"]:
        name = f"q{round(level, 6):g}"
        if name not in outputs:
            raise UserError(
                f"the metric Intervals needs the quantile {name[1:]}, which model.levels lacks; "
                "give it there, or other shares in the `evaluations` of experiments.py"
            )
        return outputs[name]
