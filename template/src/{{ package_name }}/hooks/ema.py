"""The moving average of the weights as a hook."""

import optax
from pydantic import Field

from ..training.averaging import averaged
from ..training.hook import Hook


class EMA(Hook):
    """Keeps an exponential moving average of the weights (Polyak and Juditsky, 1992).

    Evaluations with ``weights="ema"`` and commands with ``--weights ema`` use it. It is float32,
    sharded and saved like the weights.

    Attributes:
        decay: Share of the old average in a new one; it is smaller in the first updates.
    """

    decay: float = Field(default=0.999, gt=0, lt=1)

    def transform(self, optimizer: optax.GradientTransformation) -> optax.GradientTransformation:
        """Let the optimizer keep the average."""
        return averaged(optimizer, self.decay)
