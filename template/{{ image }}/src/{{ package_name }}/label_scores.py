"""Scores of several labels that need all examples at once, and so are no means of the objective."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Array, Bool, Float

from .scores import roc_auc
from .settings import Settings


class LabelScores(Settings):
    """A metric for an evaluation's `metrics`, of models that tell any number of labels.

    Each is the mean over the labels that some of the images have: ``f1``, the harmonic mean of
    precision and recall at a probability of one half; ``average_precision``, the mean precision
    over all recalls; ``auc``, the area under the ROC curve. Other models have none of them.
    """

    def collect(self, outputs: Mapping[str, Array], batch: Mapping[str, Array]) -> dict[str, Array]:
        """The probability of each label, and whether an image has it."""
        if "label_probabilities" not in outputs:
            return {}
        return {"probabilities": outputs["label_probabilities"], "labels": batch["labels"]}

    def compute(self, examples: Mapping[str, np.ndarray]) -> dict[str, float]:
        """All three scores."""
        if not examples:
            return {}
        pairs = list(zip(examples["labels"].T > 0.5, examples["probabilities"].T, strict=True))
        pairs = [(has, shares) for has, shares in pairs if has.any()]
        scores = {"f1": f1, "average_precision": average_precision, "auc": roc_auc}
        return {name: _mean([score(*pair) for pair in pairs]) for name, score in scores.items()}


def f1(has: Bool[np.ndarray, " batch"], shares: Float[np.ndarray, " batch"]) -> float:
    """Harmonic mean of precision and recall at a probability of one half."""
    told = shares > 0.5
    return float(2 * (has & told).sum() / max(has.sum() + told.sum(), 1))


def average_precision(
    has: Bool[np.ndarray, " batch"], shares: Float[np.ndarray, " batch"]
) -> float:
    """Mean precision over all recalls, where equal probabilities are told together."""
    order = np.argsort(-shares, kind="stable")
    found, told = np.cumsum(has[order]), np.arange(1, len(has) + 1)
    ends = np.append(np.flatnonzero(np.diff(shares[order])), len(has) - 1)
    gained = np.diff(found[ends], prepend=0) / max(found[-1], 1)
    return float(np.sum(gained * found[ends] / told[ends]))


def _mean(values: list[float]) -> float:
    there = [value for value in values if not np.isnan(value)]
    return float(np.mean(there)) if there else float("nan")
