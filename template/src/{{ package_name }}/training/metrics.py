"""Metrics: sums with their denominators in the graph, numbers on the host one step later."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..numerics.shapes import Scalar


class Mean(NamedTuple):
    """A weighted mean that has not been divided yet, so that parts of a batch can be added.

    Attributes:
        total: Weighted sum, float32.
        weight: Sum of the weights, float32.
    """

    total: Scalar
    weight: Scalar

    @classmethod
    def of(cls, values: Float[Array, "..."], weights: Float[Array, "..."]) -> "Mean":
        """The mean of `values` under `weights` of the same shape, summed in float32."""
        weights = weights.astype(jnp.float32)
        return cls(jnp.sum(values.astype(jnp.float32) * weights), jnp.sum(weights))

    def __float__(self) -> float:
        return float(self.total) / float(self.weight) if float(self.weight) else float("nan")

    @property
    def value(self) -> Scalar:
        """The quotient in the graph; a mean of nothing is 0."""
        return self.total / jnp.where(self.weight > 0, self.weight, 1.0)


Means = dict[str, Mean]


def add(left: Means, right: Means) -> Means:
    """Means over the union of two disjoint sets of examples."""
    return jax.tree.map(jnp.add, left, right)


class LateMetrics:
    """Hands out the metrics of a step after the next one has been dispatched.

    Reading a number blocks until the device has computed it. Read at once, that wait would leave
    the device idle while the host prepares the next step; read one step late, the number is there.
    """

    def __init__(self) -> None:
        self._pending: tuple[int, Mapping[str, jax.Array]] | None = None

    def push(
        self, step: int, metrics: Mapping[str, jax.Array]
    ) -> tuple[int, dict[str, float]] | None:
        """Keep the metrics of `step`; return those kept before as ``(step, numbers)``."""
        for value in metrics.values():
            value.copy_to_host_async()
        ready, self._pending = self._pending, (step, metrics)
        return _read(ready)

    def flush(self) -> tuple[int, dict[str, float]] | None:
        """Return what is kept, waiting for it."""
        ready, self._pending = self._pending, None
        return _read(ready)


def _read(
    entry: tuple[int, Mapping[str, jax.Array]] | None,
) -> tuple[int, dict[str, float]] | None:
    if entry is None:
        return None
    step, metrics = entry
    return step, {name: float(value) for name, value in metrics.items()}
