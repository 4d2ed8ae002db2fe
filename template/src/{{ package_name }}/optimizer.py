"""The optimizers of this project: yours to change.

An optimizer is a settings object whose method ``build`` gives an Optax transformation for a run of
so many updates, of Optax's own or written here: ``return optax.adamw(1e-3)`` is enough.
`training/optimizer.py` says what else it may have. An experiment takes another one by a line such
as ``config.optimizer = fdl.Config(Muon, learning_rate=1e-3)``.
"""

import jax
import optax
from jaxtyping import Array, Float, PyTree
from optax.contrib import MuonDimensionNumbers, muon, schedule_free
from pydantic import Field

from .errors import UserError
from .training.groups import map_with_path, matches
from .training.optimizer import AdamW, GroupedOptimizer
from .training.schedule import ScheduleSettings

MATRICES = {
    "blocks.attention.query": "bioo",
    "blocks.attention.key": "bioo",
    "blocks.attention.value": "bioo",
    "blocks.attention.out": "biio",
    "blocks.feed_forward.gate": "bio",
    "blocks.feed_forward.up": "bio",
    "blocks.feed_forward.down": "bio",
    "blocks.*.weight": "io",
    "blocks.*.conv_*": "iiio",
    "blocks.*.kernel": "iiio",
    "blocks.*.attention.qkv": "iboo",
    "blocks.*.attention.out": "iio",
}
"""Weights inside the models that are matrices, and what their axes are: ``i`` is summed over, ``o``
is given out, and each place along ``b`` has a matrix of its own. All heads are one matrix."""


class Muon(AdamW):
    """Muon (Jordan et al., 2024) for the matrices inside a model, AdamW for all else.

    Embeddings, heads, norms and biases are AdamW's, by `b1`, `b2` and `eps`. An update of a matrix
    is scaled to the size of AdamW's (Liu et al., 2025), so that one learning rate suits both.

    Attributes:
        momentum: Decay of the momentum of the matrices.
        matrices: Which weights are matrices: patterns with the axes of what they match.
    """

    momentum: float = Field(default=0.95, ge=0, lt=1)
    matrices: dict[str, str] = MATRICES

    def direction(self) -> optax.GradientTransformation:
        """Muon's for matrices, Adam's for all else."""
        matrices = muon(
            learning_rate=-1.0,  # a direction, not yet a step
            beta=self.momentum,
            consistent_rms=0.2,
            muon_weight_dimension_numbers=lambda params: map_with_path(self._dimensions, params),
        )
        return optax.partition({True: matrices, False: super().direction()}, self._are_matrices)

    def _are_matrices(self, params: PyTree) -> PyTree:
        found = map_with_path(lambda path, _: self._axes_of(path) is not None, params)
        if not any(jax.tree.leaves(found)):
            raise UserError(
                "optimizer.matrices: its patterns match no parameter; say which are matrices"
            )
        return found

    def _dimensions(self, path: str, param: Float[Array, "..."]) -> MuonDimensionNumbers:
        axes = self._axes_of(path) or ""
        if len(axes) != param.ndim or not {"i", "o"} <= set(axes) <= {"b", "i", "o"}:
            raise UserError(
                f"optimizer.matrices: {axes!r} are not the axes of {path}, whose shape is "
                f"{param.shape}; say b, i or o of each"
            )
        return MuonDimensionNumbers(
            *(tuple(i for i, axis in enumerate(axes) if axis == kind) for kind in "io")
        )

    def _axes_of(self, path: str) -> str | None:
        fits = (axes for pattern, axes in self.matrices.items() if matches(path, pattern))
        return next(fits, None)


class Lion(GroupedOptimizer):
    """Lion (Chen et al., 2023): signs; its rate is three to ten times smaller than AdamW's.

    Attributes:
        b1: Weight of the momentum in the sign that is taken.
        b2: Decay of the momentum.
    """

    b1: float = Field(default=0.9, ge=0, lt=1)
    b2: float = Field(default=0.99, ge=0, lt=1)

    def direction(self) -> optax.GradientTransformation:
        """The sign."""
        return optax.scale_by_lion(self.b1, self.b2, mu_dtype="float32")


class Adafactor(GroupedOptimizer):
    """Adafactor (Shazeer and Stern, 2018), whose second moments are rows and columns.

    Attributes:
        decay: Exponent of the decay of the moments.
        factored_from: Weights with fewer rows or columns keep the whole moment.
    """

    decay: float = Field(default=0.8, gt=0, lt=1)
    factored_from: int = Field(default=128, ge=1)

    def direction(self) -> optax.GradientTransformation:
        """A change relative to the size of the weights."""
        size = self.factored_from
        moments = optax.scale_by_factored_rms(decay_rate=self.decay, min_dim_size_to_factor=size)
        return optax.chain(moments, optax.clip_by_block_rms(1.0), optax.scale_by_param_block_rms())


class SGD(GroupedOptimizer):
    """Stochastic gradient descent with momentum.

    Attributes:
        momentum: Decay of the momentum.
        nesterov: Look ahead (Nesterov, 1983).
    """

    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = False

    def direction(self) -> optax.GradientTransformation:
        """The momentum."""
        return optax.trace(self.momentum, self.nesterov)


class ScheduleFreeAdamW(AdamW):
    """Schedule-Free AdamW (Defazio et al., 2024): it averages weights instead of lowering the rate.

    What is evaluated, exported and used is the average.

    Attributes:
        b1: Weight of the average where gradients are taken.
    """

    schedule: ScheduleSettings = ScheduleSettings(kind="constant")
    b1: float = Field(default=0.9, gt=0, lt=1)

    def build(self, steps: int) -> optax.GradientTransformation:
        """Build the transformation for a run of so many updates."""
        rate = self.rates(steps)["learning_rate"]
        return schedule_free(super().build(steps), rate, self.b1)

    def direction(self) -> optax.GradientTransformation:
        """Adam's without a first moment."""
        return optax.scale_by_rms(self.b2, self.eps, eps_in_sqrt=False, bias_correction=True)
