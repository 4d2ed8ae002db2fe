"""Metrics: sums with their denominators, in the graph."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

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
