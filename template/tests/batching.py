"""What the tests of batches share: making, taking, listing and comparing them."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

Batch = dict[str, np.ndarray]


def train(data: Any, *, seed: int = 0, process: int = 0, processes: int = 1) -> Any:
    """An iterator over a process's share of the training batches of some data settings."""
    return iter(data.train_batches(seed=seed, process=process, processes=processes))


def take(iterator: Iterator[Batch], count: int) -> list[Batch]:
    """The next batches."""
    return list(itertools.islice(iterator, count))


def evaluate(
    data: Any,
    split: str = "validation",
    *,
    limit: int | None = None,
    process: int = 0,
    processes: int = 1,
) -> list[Batch]:
    """A process's share of all evaluation batches."""
    return list(data.eval_batches(split, limit=limit, process=process, processes=processes))


def equal(one: Batch, other: Batch) -> bool:
    """Whether two batches hold the same numbers under the same names."""
    assert one.keys() == other.keys()
    return all(np.array_equal(one[name], other[name]) for name in one)
