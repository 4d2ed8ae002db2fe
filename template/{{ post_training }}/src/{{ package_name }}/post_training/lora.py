"""Low-rank adaptation (Hu et al., 2021): a small trained difference to weights that stay.

The difference is added to the weights before they are used, so that the adapted model is the merged
one at every step, whatever the layers do with their weights.
"""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, PRNGKeyArray, PyTree
from pydantic import ConfigDict, Field

from ..numerics.parameters import Frozen, freeze
from ..numerics.precision import Dtype, Precision
from ..settings import Settings, Size
from ..training.experiment import ModelSettings, fitted_to


class LoraSettings(Settings):
    """A model of which only low-rank differences are trained.

    Attributes:
        base: The model; its weights come from the run that the experiment starts from.
        rank: Rank of the differences.
        alpha: They are scaled by alpha / rank.
        targets: Names of the weights in the blocks that get one.
        base_dtype: What the model's weights are kept in. Without it, bfloat16 where the run starts
            from weights that are bfloat16, as published ones mostly are, and float32 elsewhere.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    base: ModelSettings
    rank: Size = 8
    alpha: float = Field(default=16.0, gt=0)
    targets: tuple[str, ...] = ("query", "key", "value", "out", "gate", "up", "down")
    base_dtype: Dtype | None = None

    def fitted(self, info: Mapping[str, Any]) -> "LoraSettings":
        """A copy whose model is fitted to the data."""
        return self.model_copy(update={"base": fitted_to(info, self.base)})

    def build(self, *, rngs: nnx.Rngs, precision: Precision) -> "LoraModel":
        """Build the model with random weights and a difference of zero."""
        kept = precision.model_copy(update={"param_dtype": self.base_dtype or "float32"})
        return LoraModel(self, self.base.build(rngs=rngs, precision=kept), rngs)


class Factors(nnx.Module):
    """The difference to one weight of every layer, as a product of two thin factors.

    Args:
        shape: Shape of the weight, layers first.
        dimensions: Names of its dimensions, ``d_model`` on one end.
        rank: Size of the dimension that the factors share.
        key: Randomness of the first factor; the second begins at zero.

    Raises:
        ValueError: The weight is not made like that.
    """

    def __init__(
        self, shape: tuple[int, ...], dimensions: tuple[str, ...], rank: int, key: PRNGKeyArray
    ) -> None:
        if dimensions[0] != "num_layers" or "d_model" not in (dimensions[1], dimensions[-1]):
            raise ValueError(f"LoRA needs weights stacked over layers, not {dimensions}")
        cut = 2 if dimensions[1] == "d_model" else len(shape) - 1
        into, out_of = (*shape[:cut], rank), (shape[0], rank, *shape[cut:])
        fan_in = math.prod(shape[1:cut])
        drawn = jax.random.normal(key, into, jnp.float32) * fan_in**-0.5
        self.into = _factor(drawn, (*dimensions[:cut], "rank"))
        self.out_of = _factor(jnp.zeros(out_of), ("num_layers", "rank", *dimensions[cut:]))


class LoraModel(nnx.Module):
    """A frozen model and a trained difference, used like the model itself.

    Args:
        settings: Rank and scale of the difference, and what it is of.
        base: The model; it is taken over.
        rngs: Randomness of the factors.

    Raises:
        ValueError: No weight has a name among the targets.
    """

    def __init__(self, settings: LoraSettings, base: Any, rngs: nnx.Rngs) -> None:
        self.settings, self.precision = base.settings, base.precision
        self.scale = Frozen(jnp.float32(settings.alpha / settings.rank))
        self.factors = nnx.Dict()
        for path, weight in nnx.to_flat_state(nnx.state(base, nnx.Param)):
            *modules, last = map(str, path)
            if last in settings.targets:
                names = weight.get_metadata()["out_sharding"]
                place = self.factors
                for module in modules:
                    place = place.setdefault(module, nnx.Dict())
                place[last] = Factors(weight.shape, names, settings.rank, rngs.params())
        if not self.factors:
            raise ValueError(f"targets: the model has no weights called {settings.targets}")
        freeze(base)
        self.base = base

    def merged(self) -> Any:
        """The model with the difference in its weights."""
        graphdef, _ = nnx.split(self.base)
        return nnx.merge(graphdef, self.merged_weights())

    def merged_weights(self) -> PyTree:
        """Its weights, nested like the base's."""
        base, factors = (
            nnx.to_pure_dict(nnx.state(part, nnx.Variable)) for part in (self.base, self.factors)
        )
        return merge_weights(base, factors, self.scale[...])

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """What the merged model gives."""
        return self.merged()(*arguments, **options)

    def attend(self, *arguments: Any, **options: Any) -> Any:
        """What the merged model gives."""
        return self.merged().attend(*arguments, **options)

    def extend(self, *arguments: Any, **options: Any) -> Any:
        """What the merged model gives."""
        return self.merged().extend(*arguments, **options)

    def empty_cache(self, batch: Any, length: int) -> Any:
        """What the model gives."""
        return self.base.empty_cache(batch, length)


def merge_weights(base: PyTree, factors: PyTree, scale: Float[Array | np.ndarray, ""]) -> PyTree:
    """Add differences to weights.

    Args:
        base: Weights, nested dictionaries.
        factors: Nested likewise, ``into`` and ``out_of`` in the place of a weight.
        scale: Factor of all differences.

    Returns:
        The sums, added up in float32, in the dtype of the weights.
    """
    merged = dict(base)
    for name, part in factors.items():
        if "into" in part:
            difference = scale * _product(part["into"], part["out_of"])
            merged[name] = (base[name] + difference).astype(base[name].dtype)
        else:
            merged[name] = merge_weights(base[name], part, scale)
    return merged


def _product(
    into: Float[Array | np.ndarray, "..."], out_of: Float[Array | np.ndarray, "..."]
) -> Float[Array, "..."]:
    """The product over the shared rank, layer by layer, in float32."""
    layers, rank = out_of.shape[:2]
    left = jnp.asarray(into, jnp.float32).reshape(layers, -1, rank)
    right = jnp.asarray(out_of, jnp.float32).reshape(layers, rank, -1)
    product = jnp.einsum("lir,lro->lio", left, right, precision=jax.lax.Precision.HIGHEST)
    return product.reshape(*into.shape[:-1], *out_of.shape[2:])


def _factor(value: Float[Array, "..."], dimensions: tuple[str, ...]) -> nnx.LoRAParam:
    return nnx.LoRAParam(value, out_sharding=dimensions, eager_sharding=False)
