"""Array types with the names of their dimensions.

Every shape in the package is spelled with the same names, in this order: leading ``batch``, then
positions (``seq_len``; ``height width`` for images), then features. Names beyond the conventions'
stand with their meaning in ``pyproject.toml``, as ``dimensions`` of jaxcheck, whose rule JX201
refuses all others. They are the logical axes of parameters too (`parallel.rules`).
"""

from jaxtyping import Array, Bool, Float, Int

Scalar = Float[Array, ""]
AnyArray = Float[Array, "..."]
Tokens = Int[Array, "batch seq_len"]
Weights = Float[Array, "batch seq_len"]
Hidden = Float[Array, "batch seq_len d_model"]
Logits = Float[Array, "batch seq_len vocab_size"]
AttentionMask = Bool[Array, "batch 1 query_len key_len"]
