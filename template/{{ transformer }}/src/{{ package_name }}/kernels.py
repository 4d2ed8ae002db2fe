"""Fused kernels of attention, which never hold the scores of all pairs: yours to change.

They are for whole sequences, and differ from the einsum in `attention.py` by rounding alone.
"""

import math
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec
from jaxtyping import Array, Float, Int

from .block_settings import BlockSettings
from .errors import UserError
from .masks import Documents, within
from .numerics.precision import Precision

Kernel = Literal["cudnn", "splash"]
Queries = Float[Array, "batch num_heads seq_len d_head"]
Keys = Float[Array, "batch num_kv_heads seq_len d_head"]


def choose(
    settings: BlockSettings, precision: Precision, batch: Any, seq_len: int
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
    if settings.attention == "einsum" or not isinstance(batch, int):
        return None
    mesh = jax.sharding.get_abstract_mesh()
    platform = jax.default_backend() if mesh.empty else mesh.abstract_device.platform
    kernels: dict[str, Kernel] = {"gpu": "cudnn", "tpu": "splash"}
    wanted = kernels.get(platform) if settings.attention == "auto" else settings.attention
    if wanted is None:
        return None
    if wanted != kernels.get(platform):
        problem = f"does not run on {platform}"
    elif precision.compute_dtype != "bfloat16":
        problem = "computes in bfloat16 alone"
    elif batch % mesh.shape.get("data", 1) or settings.kv_heads % mesh.shape.get("model", 1):
        problem = "needs a mesh that divides the batch and the heads of keys and values"
    else:
        problem = (_cudnn_problem if wanted == "cudnn" else _splash_problem)(settings, seq_len)
    if problem is None or settings.attention == "auto":
        return None if problem else wanted
    raise UserError(f"model.attention: {wanted} {problem}; take auto or einsum")


def _cudnn_problem(settings: BlockSettings, seq_len: int) -> str | None:
    widest = 256 if float(jax.devices()[0].compute_capability) >= 9 else 128
    if settings.attention_softcap is not None:
        return "has no attention_softcap"
    if settings.head_width % 8 or settings.head_width > widest:
        return f"needs a d_head up to {widest} that 8 divides, not {settings.head_width}"
    return f"needs sequences of even length, not {seq_len}" if seq_len % 2 else None


def _splash_problem(settings: BlockSettings, seq_len: int) -> str | None:
    return f"needs sequences whose length 128 divides, not {seq_len}" if seq_len % 128 else None


def cudnn(
    query: Queries,
    key: Keys,
    value: Keys,
    documents: Documents | None,
    *,
    window: int | None,
    scale: float,
) -> Queries:
    """Attention by cuDNN, on GPUs.

    Args:
        query: Queries.
        key: Keys, each of which several heads of queries may share.
        value: Values, likewise.
        documents: Who sees whom; without it, all see all.
        window: How far each sees, itself counted.
        scale: What scores are multiplied by.
    """
    causal, seq_len, side = documents is not None, query.shape[2], None
    mask = None if documents is None else documents.same()
    if window is not None and causal:
        side = (window - 1, 0)
    elif window is not None:
        mask = within(window, 0, seq_len, seq_len)
    query, key, value = (each.swapaxes(1, 2) for each in (query, key, value))
    mixed = jax.nn.dot_product_attention(
        query,
        key,
        value,
        mask=mask,
        scale=scale,
        is_causal=causal,
        local_window_size=side,
        implementation="cudnn",
    )
    return mixed.swapaxes(1, 2)


def splash(
    query: Queries,
    key: Keys,
    value: Keys,
    documents: Documents | None,
    *,
    window: int | None,
    scale: float,
    softcap: float | None,
) -> Queries:
    """Attention by the splash kernel, on TPUs.

    Args:
        query: Queries.
        key: Keys, each of which several heads of queries may share.
        value: Values, likewise.
        documents: Who sees whom; without it, all see all.
        window: How far each sees, itself counted.
        scale: What scores are multiplied by.
        softcap: What bounds scores, if anything.
    """
    # Half a second, of which other devices have nothing.
    from jax.experimental.pallas.ops.tpu import splash_attention as splash_kernel

    seq_len = query.shape[2]
    back = None if window is None else window - 1
    mask = splash_kernel.LocalMask((seq_len,) * 2, (back, back if documents is None else 0), 0)
    if back is None and documents is None:
        mask = splash_kernel.FullMask((seq_len,) * 2)
    block = math.gcd(seq_len, 512)
    passes = ("q", "kv", "kv_compute", "q_dkv", "kv_dkv", "kv_dkv_compute", "q_dq", "kv_dq")
    blocks = splash_kernel.BlockSizes(**{f"block_{name}": block for name in passes})

    def attend(
        query: Queries, key: Keys, value: Keys, segments: Int[Array, "batch seq_len"] | None
    ) -> Queries:
        kernel = splash_kernel.make_splash_mha(
            splash_kernel.MultiHeadMask([mask] * query.shape[1]),
            block_sizes=blocks,
            attn_logits_soft_cap=softcap,
            head_shards=1,
            q_seq_shards=1,
        )
        ids = None if segments is None else splash_kernel.SegmentIds(segments, segments)
        return jax.vmap(kernel)(query, key, value, ids)

    if not jax.sharding.get_abstract_mesh().empty:
        heads, rows = PartitionSpec("data", "model"), PartitionSpec("data")
        attend = jax.shard_map(
            attend, in_specs=(heads, heads, heads, rows), out_specs=heads, check_vma=False
        )
    # In float32, since a rounded factor would be another temperature.
    query = (query.astype(jnp.float32) * scale).astype(query.dtype)
    return attend(query, key, value, None if documents is None else documents.segments)
