"""The settings of a model whose weights were read from a folder."""

from collections.abc import Mapping
from typing import Any

from flax import nnx
from pydantic import ConfigDict

from ..numerics.parameters import freeze
from ..numerics.precision import Precision
from ..settings import Settings
from ..training.experiment import ModelSettings, fitted_to


class PretrainedSettings(Settings):
    """A model that stays as it is: in the dtype of parameters, without anything to train it by.

    Attributes:
        base: The model.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    base: ModelSettings

    def fitted(self, info: Mapping[str, Any]) -> "PretrainedSettings":
        """A copy whose model is fitted to the data."""
        return self.model_copy(update={"base": fitted_to(info, self.base)})

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> Any:
        """Build the model, all of whose parameters are frozen."""
        model = self.base.build(rngs=rngs, precision=precision)
        freeze(model)
        return model
