"""What the training split is like: moments of numbers, and values of categories."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float64

from .cells import pc
from .encoding import Encoding, Values

# A value that the training split has less often than this teaches too little to stand by itself.
_RARE = 5
_MOST_VALUES = 1000  # of one category


class Moments:
    """Means and deviations of columns, added up part by part (Chan, Golub and LeVeque, 1983)."""

    def __init__(self, columns: int) -> None:
        self.count = np.zeros(columns)
        self.mean = np.zeros(columns)
        self._squares = np.zeros(columns)

    def add(self, numbers: Float64[np.ndarray, "batch num_numbers"]) -> None:
        """Take in rows; NaN stands for no value."""
        there = ~np.isnan(numbers)
        count = there.sum(axis=0)
        some = np.maximum(count, 1)
        mean = np.where(there, numbers, 0.0).sum(axis=0) / some
        squares = np.where(there, np.square(numbers - mean[None]), 0.0).sum(axis=0)
        total = np.maximum(self.count + count, 1)
        apart = mean - self.mean
        self._squares += squares + np.square(apart) * self.count * count / total
        self.mean += apart * count / total
        self.count += count

    @property
    def std(self) -> Float64[np.ndarray, " num_numbers"]:
        """Standard deviations, 0 for a column that is constant but for rounding."""
        std = np.sqrt(self._squares / np.maximum(self.count, 1))
        return np.where(std > 1e-10 * np.abs(self.mean), std, 0.0)


class Statistics:
    """What the training split says about each column."""

    def __init__(self, encoding: Encoding) -> None:
        """Begin with no rows, which are read as `encoding` says."""
        self._rows = 0
        self._encoding = encoding
        self._numbers = Moments(len(encoding.numbers))
        self._target = Moments(1)
        self._values: list[Counter[str | None]] = [Counter() for _ in encoding.categories]

    def add(self, values: Values, train: Bool[np.ndarray, " batch"]) -> None:
        """Take in some rows, and which of them are trained on."""
        self._rows += int(train.sum())
        self._numbers.add(values.numbers[train])
        for counts, texts in zip(self._values, values.texts, strict=True):
            _count(counts, texts.filter(pa.array(train)))
        if self._encoding.target.task == "regression":
            self._target.add(values.targets.to_numpy(zero_copy_only=False)[train, None])

    @property
    def target_varies(self) -> bool:
        """Whether numbers to predict differ at all."""
        return bool(self._target.std[0] > 0)

    def fitted(self, classes: Iterable[str]) -> Encoding:
        """The encoding with all that was found; where numbers are predicted, no classes are."""
        encoding = self._encoding
        found = (self._numbers.mean, self._numbers.std, self._rows - self._numbers.count)
        numbers = [
            number.model_copy(update={"mean": mean, "std": std or 1.0, "missing": int(missing)})
            for number, mean, std, missing in zip(
                encoding.numbers, *(each.tolist() for each in found), strict=True
            )
        ]
        categories = [
            category.model_copy(update={"values": _frequent(counts)})
            for category, counts in zip(encoding.categories, self._values, strict=True)
        ]
        target = encoding.target.model_copy(
            update={
                "classes": _in_order(classes),
                "mean": float(self._target.mean[0]),
                "std": float(self._target.std[0]) or 1.0,
            }
        )
        return encoding.model_copy(
            update={"numbers": numbers, "categories": categories, "target": target}
        )


def _count(counts: Counter[Any], texts: pa.Array) -> None:
    found = pc.value_counts(texts)
    names, numbers = (found.field(name).to_pylist() for name in ("values", "counts"))
    counts.update(dict(zip(names, numbers, strict=True)))


def _frequent(counts: Counter[str | None]) -> list[str | None]:
    """The values that are not rare, the most frequent first, equal ones in alphabetical order."""
    often = [(value, count) for value, count in counts.items() if count >= _RARE]
    often.sort(key=lambda item: (-item[1], item[0] is not None, item[0] or ""))
    return [value for value, _ in often[:_MOST_VALUES]]


def _in_order(classes: Iterable[str]) -> list[str]:
    """Classes in numerical order where all are numbers, otherwise in alphabetical order."""
    try:
        return sorted(classes, key=float)
    except ValueError:
        return sorted(classes)
