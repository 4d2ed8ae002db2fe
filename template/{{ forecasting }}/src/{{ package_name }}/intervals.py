"""Forecast intervals that cover what they say: adjusted to held-out windows, and measured.

A model's quantiles are too narrow where it has learned its series by heart, and too wide where it
has not learned enough. Conformalized quantile regression (Romano, Patterson and Candès, 2019)
measures by how much on the validation split, and corrects for it. Of its variants this is the one
whose intervals are stretched from the median (Kivaranovic, Johnson and Leeb, 2020), so that what is
found for one series holds for others of another unit, and for wider and narrower forecasts.

That the corrected intervals cover their share of what comes holds as far as later errors are like
those of the validation split. Errors of windows that overlap resemble each other, so what counts is
how many horizons the split is long.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .errors import UserError
from .settings import Settings

Quantiles = Float[Array, "batch horizon channels num_quantiles"]
Factors = Float[np.ndarray, "horizon num_intervals"]

# Errors beyond an interval's ends that a factor should follow from, where there are so many.
_BEYOND = 20


def stretch(quantiles: Quantiles, factors: Factors) -> Quantiles:
    """Move the ends of all intervals away from the median, or towards it.

    Args:
        quantiles: From the lowest to the highest, the median in the middle.
        factors: What the distances between the median and both ends of an interval are multiplied
            by, for each step and interval, the widest first; later steps take those of the last.

    Returns:
        Quantiles that do not cross: an interval is at least as wide as the one inside it.
    """
    steps, count = jnp.arange(quantiles.shape[1]), quantiles.shape[-1] // 2
    each = jnp.asarray(factors, jnp.float32)[jnp.minimum(steps, len(factors) - 1)]
    below, median, above = jnp.split(quantiles, [count, count + 1], axis=-1)
    each = each[None, :, None, :]
    lower = jax.lax.cummax(((median - below) * each)[..., ::-1], axis=3)
    upper = jax.lax.cummax((above - median) * each[..., ::-1], axis=3)
    return jnp.concatenate([median - lower[..., ::-1], median, median + upper], axis=-1)


def fit_factors(
    levels: Sequence[float],
    quantiles: Float[np.ndarray, "batch horizon channels num_quantiles"],
    targets: Float[np.ndarray, "batch horizon channels"],
    weights: Float[np.ndarray, "batch horizon channels"],
) -> tuple[Factors, list[float]]:
    """The factors by which `stretch` makes intervals cover their share of held-out targets.

    The factor of an interval is a quantile of the scores of the targets: how far a target lies from
    the median, as a multiple of the distance of the interval's end on that side. Scores of a step
    are pooled with those of the steps next to it, of as many as it takes for 20 scores or more
    beyond the factor, if there are so many.

    Args:
        levels: Those of the quantiles.
        quantiles: As a model forecasts them.
        targets: What came.
        weights: 1 for a target that is there, 0 for others.

    Returns:
        The factors, and which intervals there are too few targets for, as shares between 0 and 1:
        their factors are 1.
    """
    horizon, median = quantiles.shape[1], len(levels) // 2
    factors, too_few = np.ones((horizon, median)), []
    error = targets - quantiles[..., median]
    there = weights > 0
    counts = there.sum(axis=(0, 2))
    for at in range(median):
        share = round(levels[-1 - at] - levels[at], 6)
        end = np.where(error < 0, quantiles[..., at], quantiles[..., -1 - at])
        room = np.abs(end - quantiles[..., median])
        scores = np.abs(error) / np.maximum(room, np.finfo(np.float32).tiny)
        if math.ceil((counts.sum() + 1) * share) > counts.sum():
            too_few.append(share)
            continue
        for step in range(horizon):
            near = _steps_around(step, counts, _BEYOND / (1 - share))
            chosen = np.sort(scores[:, near][there[:, near]])
            rank = min(math.ceil((len(chosen) + 1) * share), len(chosen))
            factors[step, at] = chosen[rank - 1]
    return factors, too_few


def _steps_around(step: int, counts: np.ndarray, needed: float) -> slice:
    """A step and those next to it, of which all are asked if not fewer have as many targets."""
    for reach in range(len(counts)):
        near = slice(max(0, step - reach), step + reach + 1)
        if counts[near].sum() >= needed:
            return near
    return slice(None)


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

    def _end(self, outputs: Mapping[str, Array], level: float) -> Array:
        name = f"q{round(level, 6):g}"
        if name not in outputs:
            raise UserError(
                f"the metric Intervals needs the quantile {name[1:]}, which model.levels lacks; "
                "give it there, or other shares in the `evaluations` of experiments.py"
            )
        return outputs[name]


def calibration_note(too_few: Sequence[float], targets: int) -> str:
    """Tell which intervals were left as they are."""
    shares = " and ".join(f"{100 * share:g} %" for share in too_few)
    return (
        f"intervals of {shares} are as the model forecasts them: the validation split has "
        f"{targets} values to compare with, and they take at least "
        f"{max(math.ceil(share / (1 - share) - 1e-9) for share in too_few)}"
    )


def calibration_of(
    levels: Sequence[float],
    quantiles: Float[np.ndarray, "batch horizon channels num_quantiles"],
    targets: Float[np.ndarray, "batch horizon channels"],
    weights: Float[np.ndarray, "batch horizon channels"],
) -> dict[str, Any]:
    """What a run keeps of `fit_factors`, in JSON's types, with a note where targets are too few."""
    factors, too_few = fit_factors(levels, quantiles, targets, weights)
    found: dict[str, Any] = {"factors": factors.tolist()}
    if too_few:
        found["note"] = calibration_note(too_few, int(np.sum(weights > 0)))
    return found
