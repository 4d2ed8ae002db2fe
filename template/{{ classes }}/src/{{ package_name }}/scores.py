"""Scores of a classifier that need all examples at once, and so are no means of the objective."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Array, Bool, Float, Integer
from pydantic import Field

from .settings import Settings

Labels = Integer[np.ndarray, " batch"]
Shares = Float[np.ndarray, "batch num_classes"]


class ClassScores(Settings):
    """A metric for an evaluation's `metrics`: scores of the predicted classes and probabilities.

    ``f1`` is the mean over classes of the harmonic mean of precision and recall,
    ``balanced_accuracy`` the mean recall; with imbalanced classes both say more than accuracy.
    ``auc`` is the area under the ROC curve, with several classes the mean of each against the rest.
    ``calibration_error`` is the mean distance of the likeliest class's probability from how often
    it is right (Guo et al., 2017). A model that predicts a number has none of them.

    Attributes:
        bins: Bins of probabilities that the calibration error compares.
    """

    bins: int = Field(default=15, ge=1)

    def collect(self, outputs: Mapping[str, Array], batch: Mapping[str, Array]) -> dict[str, Array]:
        """The probabilities and the true class of each example."""
        if "probabilities" not in outputs:
            return {}
        labels = batch["labels"] if "labels" in batch else batch["targets"]
        return {"probabilities": outputs["probabilities"], "labels": labels}

    def compute(self, examples: Mapping[str, np.ndarray]) -> dict[str, float]:
        """All four scores."""
        if not examples:
            return {}
        shares, labels = examples["probabilities"], examples["labels"]
        likeliest = shares.argmax(axis=-1)
        counts = confusion_matrix(labels, likeliest, shares.shape[1])
        right, true, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
        return {
            "f1": _mean_share(2 * right, true + predicted),
            "balanced_accuracy": _mean_share(right, true),
            "auc": mean_roc_auc(labels, shares),
            "calibration_error": calibration_error(
                shares.max(axis=-1), likeliest == labels, self.bins
            ),
        }


def confusion_matrix(
    labels: Labels, predicted: Labels, num_classes: int
) -> Integer[np.ndarray, "num_classes num_classes"]:
    """Counts of examples by true class (rows) and predicted class (columns)."""
    pairs = labels.astype(np.int64) * num_classes + predicted
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def _mean_share(
    parts: Integer[np.ndarray, " num_classes"], wholes: Integer[np.ndarray, " num_classes"]
) -> float:
    """The mean over the classes that are there at all; NaN where none is."""
    shares = parts / np.maximum(wholes, 1)
    return float(np.mean(shares[wholes > 0])) if wholes.any() else np.nan


def mean_roc_auc(labels: Labels, shares: Shares) -> float:
    """Area under the ROC curve; of several classes, the mean of those that occur."""
    if shares.shape[1] == 2:
        return roc_auc(labels == 1, shares[:, 1])
    areas = [roc_auc(labels == number, column) for number, column in enumerate(shares.T)]
    areas = [area for area in areas if not np.isnan(area)]
    return float(np.mean(areas)) if areas else np.nan


def roc_auc(positive: Bool[np.ndarray, " batch"], scores: Float[np.ndarray, " batch"]) -> float:
    """Area under the ROC curve: how often a positive example scores above a negative one.

    Equal scores count half (Hanley and McNeil, 1982). Without examples of both kinds it is NaN.
    """
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not (positives and negatives):
        return float("nan")
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # the mean rank of equal scores
    total = ranks[places][positive].sum()
    return float((total - positives * (positives + 1) / 2) / (positives * negatives))


def calibration_error(
    confidence: Float[np.ndarray, " batch"], right: Bool[np.ndarray, " batch"], bins: int
) -> float:
    """Expected calibration error, over bins of equal width."""
    if not len(right):
        return np.nan
    number = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(number, weights=confidence.astype(np.float64) - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(right))
