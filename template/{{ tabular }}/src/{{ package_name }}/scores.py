"""Scores of predictions that are no mean over examples, and so no metric of the objective."""

import numpy as np
from jaxtyping import Bool, Float


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


def r_squared(true: Float[np.ndarray, " batch"], predicted: Float[np.ndarray, " batch"]) -> float:
    """The share of the variance that is explained; NaN where there is none."""
    true, predicted = true.astype(np.float64), predicted.astype(np.float64)
    variance = np.square(true - true.mean()).mean()
    if variance == 0:
        return float("nan")
    return float(1 - np.square(true - predicted).mean() / variance)
