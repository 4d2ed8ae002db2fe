"""Fused kernels of attention, which never hold the scores of all pairs: yours to change.

They are for whole sequences, and differ from the einsum in `decoder.py` by rounding alone.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float

from .decoder_settings import DecoderSettings, Layer
from .errors import UserError
from .masks import Documents
from .numerics.precision import Precision

Queries = Float[Array, "batch num_heads seq_len d_head"]
Keys = Float[Array, "batch num_kv_heads seq_len d_head"]
Kernel = Callable[[Documents, Queries, Keys, Keys, Layer], Queries]


def choose(
    settings: DecoderSettings, precision: Precision, batch: Any, seq_len: int
) -> Kernel | None:
    """The kernel that computes the attention of whole sequences; without one, an einsum does.

    Args:
        settings: Of the model. With ``auto``, a kernel is chosen where one can be.
        precision: The policy.
        batch: How many sequences; symbolic in a program that is exported for every platform.
        seq_len: Their length.

    Raises:
        UserError: The settings ask for a kernel that cannot compute this here.
    """
    mesh, name = jax.sharding.get_abstract_mesh(), settings.attention
    platform = jax.default_backend() if mesh.empty else mesh.abstract_device.platform
    if name == "auto":
        name = {"gpu": "cudnn", "tpu": "splash"}.get(platform, "einsum")
    if name == "einsum" or not isinstance(batch, int):
        return None
    problem = None
    if platform != ("gpu" if name == "cudnn" else "tpu"):
        problem = f"does not run on {platform}"
    elif precision.compute_dtype != "bfloat16":
        problem = "computes in bfloat16 alone"
    elif batch % mesh.shape.get("data", 1) or settings.kv_heads % mesh.shape.get("model", 1):
        problem = "needs a mesh that divides the batch and the heads of keys and values"
    elif name == "splash" and seq_len % 128:
        problem = f"needs sequences whose length 128 divides, not {seq_len}"
    elif name == "cudnn":
        widest = 256 if float(jax.devices()[0].compute_capability) >= 9 else 128
        if settings.head_width > widest or settings.head_width % 8 or seq_len % 2:
            problem = f"needs sequences of even length, and a d_head up to {widest} that 8 divides"
        elif settings.attention_softcap is not None:
            problem = "has no attention_softcap"
    if problem is None:
        return cudnn if name == "cudnn" else splash
    if settings.attention == "auto":
        return None
    raise UserError(f"model.attention: {name} {problem}; take auto or einsum")


def cudnn(documents: Documents, query: Queries, key: Keys, value: Keys, layer: Layer) -> Queries:
    """What `decoder.mix` computes, by cuDNN."""
    side = None if layer.window is None else (layer.window - 1, 0)
    mixed = jax.nn.dot_product_attention(
        *(each.swapaxes(1, 2) for each in (query, key, value)),
        mask=documents.same(),
        scale=layer.scale,
        is_causal=True,
        local_window_size=side,
        implementation="cudnn",
    )
    return mixed.swapaxes(1, 2)


def splash(documents: Documents, query: Queries, key: Keys, value: Keys, layer: Layer) -> Queries:
    """What `decoder.mix` computes, by the splash kernel."""
    # Importing it takes half a second, for which devices that do without it need not wait.
    from jax.experimental.pallas.ops.tpu import splash_attention

    seq_len = query.shape[2]
    reach = (layer.window or seq_len) - 1
    mask = splash_attention.LocalMask((seq_len, seq_len), (reach, 0), offset=0)
    size = math.gcd(seq_len, 512)

    def attend(query: Queries, key: Keys, value: Keys, segments: Any) -> Queries:
        kernel = splash_attention.make_splash_mha(
            splash_attention.MultiHeadMask([mask] * query.shape[1]),
            head_shards=1,
            q_seq_shards=1,
            block_sizes=splash_attention.BlockSizes(size, size, size, size, size, size, size, size),
            attn_logits_soft_cap=layer.softcap,
        )
        mixed: Any = jax.vmap(kernel)(query, key, value, segments)
        return mixed

    if not jax.sharding.get_abstract_mesh().empty:
        heads, rows = PartitionSpec("data", "model"), PartitionSpec("data")
        specs = (heads, heads, heads, rows)
        attend = jax.shard_map(attend, in_specs=specs, out_specs=heads, check_vma=False)
    segments = splash_attention.SegmentIds(documents.segments, documents.segments)
    # In float32, since a rounded factor would be another temperature.
    query = (query.astype(jnp.float32) * layer.scale).astype(query.dtype)
    return attend(query, key, value, segments)
