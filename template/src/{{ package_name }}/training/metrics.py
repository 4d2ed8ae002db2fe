"""Metrics: sums with their denominators in the graph, numbers on the host one step later."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..numerics.shapes import Scalar


class Mean(NamedTuple):
    """A weighted mean that has not been divided yet, so that parts of a batch can be added.

    A number that follows from sums over examples, as F1 does from counts, can be a class of its own
    in the place of this one: a tuple of sums with ``value`` and ``__float__``.

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


class Exponential(Mean):
    """The exponential of a mean: the perplexity, for a mean of nats."""

    def __float__(self) -> float:
        return float(np.exp(super().__float__()))

    @property
    def value(self) -> Scalar:
        """The exponential in the graph."""
        return jnp.exp(super().value)


Means = dict[str, Mean]


@runtime_checkable
class Metric(Protocol):
    """A metric of an evaluation that follows from all examples together, not from sums over them.

    On the device it picks what it needs of each batch; from all of that together it computes its
    numbers on the host. Padding is left out between the two.
    """

    def collect(self, outputs: Mapping[str, Array], batch: Mapping[str, Array]) -> dict[str, Array]:
        """What is needed of a batch, in the graph.

        Args:
            outputs: What the experiment's `prediction` says of the batch.
            batch: The batch.

        Returns:
            Arrays with a leading axis ``batch``.
        """
        ...

    def compute(self, examples: Mapping[str, np.ndarray]) -> dict[str, float]:
        """The metric, by name: one number or several.

        Args:
            examples: The arrays of `collect` for all examples of the evaluation, in order.
        """
        ...


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
