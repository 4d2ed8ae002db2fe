"""The model as Tunix calls it."""

from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from ..numerics.contract import contract
from ..numerics.parameters import declare
from ..parallel.mesh import MeshSettings, create_mesh
from ..parallel.rules import axes_of, weight_rules

Mask = Bool[Array, "batch query_len key_len"] | Int[Array, "batch query_len key_len"]

_NEVER = -1e30  # a logit that is finite, so that a probability of 0 times it is not NaN


class CacheShape(NamedTuple):
    """What Tunix reads of a model's configuration.

    Attributes:
        num_layers: Blocks.
        num_kv_heads: Heads with keys and values of their own.
        head_dim: Features of one of them.
    """

    num_layers: int
    num_kv_heads: int
    head_dim: int


class Policy(nnx.Module):
    """A transformer behind Tunix's interface.

    Args:
        transformer: The model, which computes logits under any mask by its method `attend`.
        reserved: Tokens that are never to be generated, such as padding: Tunix would leave a
            sampled one out of the loss without a word.
    """

    def __init__(self, transformer: Any, reserved: tuple[int, ...]) -> None:
        self.transformer = transformer
        self.reserved = reserved
        keys = jax.eval_shape(lambda: transformer.empty_cache(1, 1)).keys
        self.config = CacheShape(keys.shape[0], keys.shape[2], keys.shape[4])

    def __call__(
        self,
        input_tokens: Int[Array, "batch seq_len"],
        positions: Int[Array, "batch seq_len"],
        cache: Any = None,
        attention_mask: Mask | None = None,
    ) -> tuple[Float[Array, "batch seq_len vocab_size"], Any]:
        """Logits of the next token, and the cache with these tokens added.

        Args:
            input_tokens: Token ids.
            positions: Their places among the real tokens of their sequence.
            cache: What `init_cache` or this method gave, or None.
            attention_mask: True, or another number than 0, where a token may look.

        Raises:
            ValueError: There is no mask; Tunix packs sequences that way, which is not supported.
        """
        if attention_mask is None:
            raise ValueError("sequences packed by Tunix are not supported: leave packing off")
        logits, cache = self.transformer.attend(
            input_tokens, attention_mask[:, None] != 0, positions, cache
        )
        never = jnp.zeros(logits.shape[-1], bool).at[jnp.array(self.reserved, jnp.int32)].set(True)
        return jnp.where(never[None, None, :], _NEVER, logits), cache

    def init_cache(self, batch_size: int, cache_size: int, dtype: Any) -> Any:
        """An empty cache; its dtype is the precision policy's, whatever Tunix asks for."""
        return self.transformer.empty_cache(batch_size, cache_size)


class ValueModel(nnx.Module):
    """What PPO expects of the rewards to come, at every token: a transformer with one output.

    Args:
        transformer: Where its features come from.
    """

    def __init__(self, transformer: Any) -> None:
        self.transformer = transformer
        head = jnp.zeros((transformer.settings.d_model, 1), jnp.float32)
        self.head = declare(head, ("d_model", "d_out"), transformer.precision)

    def __call__(
        self,
        input_tokens: Int[Array, "batch seq_len"],
        positions: Int[Array, "batch seq_len"],
        cache: Any = None,
        attention_mask: Mask | None = None,
        segment_ids: Int[Array, "batch seq_len"] | None = None,
    ) -> Float[Array, "batch seq_len 1"]:
        """Values of the states after each token; `segment_ids` say what the mask says too."""
        if attention_mask is None:
            raise ValueError("sequences packed by Tunix are not supported: leave packing off")
        chex.assert_equal_shape([input_tokens, positions])
        features, _ = self.transformer.features(
            input_tokens, attention_mask[:, None] != 0, positions
        )
        return contract(
            "bsd,dv->bsv", features, self.head[...], self.transformer.precision, accumulator=True
        )


def name_mesh_axes(model: nnx.Module, mesh: MeshSettings) -> None:
    """Give the parameters the axes of the mesh that their dimensions lie on.

    Here parameters carry the names of their dimensions, which one table maps to axes
    (`parallel/rules.py`). Tunix reads the same mark as the axes themselves.

    Args:
        model: A module, whose parameters are marked in place.
        mesh: Says whether weights are spread over ``data`` too.
    """
    rules, parts = weight_rules(mesh), create_mesh(mesh).shape
    for _, node in nnx.iter_graph(model):
        if isinstance(node, nnx.Variable) and node.get_metadata().get("out_sharding"):
            names = node.get_metadata()["out_sharding"]
            node.set_metadata(out_sharding=tuple(axes_of(names, node.shape, rules, parts)))
