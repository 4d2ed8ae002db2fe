"""What the training split is like: moments of numbers, values of categories, and who is in it."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float64

from .cells import pc
from .encoding import Encoding, Values
from .storage.splits import SPLITS, split_by

_PERCENT = (70, 10, 20)

# A value that the training split has less often than this teaches too little to stand by itself.
_RARE = 5
_MOST_VALUES = 1000  # of one category


def split_of(digest: bytes) -> str:
    """The split of a row, decided by its content alone.

    Equal rows fall into the same split, and adding rows moves none of the others.

    Args:
        digest: SHA-256 of what stands in the columns that are used, the target included.
    """
    return split_by(digest, _PERCENT)


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
    """Counts of all splits, and what the training split says about each column.

    Attributes:
        rows: Rows by split.
        classes: How often each class stands in all rows; empty for numbers.
        without_target: Rows that have no target, which are left out.
    """

    def __init__(self, encoding: Encoding) -> None:
        """Begin with no rows, which are read as `encoding` says."""
        self.rows: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        self.without_target = 0
        self._encoding = encoding
        self._numbers = Moments(len(encoding.numbers))
        self._target = Moments(1)
        self._values: list[Counter[str | None]] = [Counter() for _ in encoding.categories]

    def add(self, values: Values) -> None:
        """Take in some rows."""
        before = len(values.numbers)
        values = values.with_target()
        self.without_target += before - len(values.numbers)
        splits = np.array([split_of(digest) for digest in values.digests()], dtype=object)
        self.rows.update(splits.tolist())
        train: Bool[np.ndarray, " batch"] = splits == SPLITS[0]
        self._numbers.add(values.numbers[train])
        for counts, texts in zip(self._values, values.texts, strict=True):
            _count(counts, texts.filter(pa.array(train)))
        if self._encoding.target.task == "regression":
            self._target.add(values.targets.to_numpy(zero_copy_only=False)[train, None])
        else:
            _count(self.classes, values.targets)

    @property
    def target_varies(self) -> bool:
        """Whether numbers to predict differ at all."""
        return bool(self._target.std[0] > 0)

    def fitted(self) -> Encoding:
        """The encoding with all that was found."""
        encoding, train = self._encoding, self.rows[SPLITS[0]]
        found = (self._numbers.mean, self._numbers.std, train - self._numbers.count)
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
                "classes": _in_order(self.classes),
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


def _in_order(classes: Counter[str]) -> list[str]:
    """Classes in numerical order where all are numbers, otherwise in alphabetical order."""
    try:
        return sorted(classes, key=float)
    except ValueError:
        return sorted(classes)
