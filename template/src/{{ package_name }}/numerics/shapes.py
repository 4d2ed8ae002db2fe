"""The vocabulary of dimension names, and the array types made of it.

Every shape in the package is spelled with these names, in this order: leading ``batch``, then
positions (``seq_len``; ``height width`` for images), then features. The same names are the logical
axes of parameters (`parallel.rules`), so a reader meets one language only.
"""

from jaxtyping import Array, Bool, Float, Int

DIMENSIONS = {
    "batch": "examples in one batch, over all devices",
    "seq_len": "positions in a sequence",
    "prompt_len": "positions of a prompt",
    "window": "tokens that make a sequence and its targets, seq_len + 1",
    "query_len": "positions that attend",
    "key_len": "positions attended to",
    "height": "rows of an image",
    "width": "columns of an image",
    "channels": "channels of an image or of a series, always last",
    "kh": "rows of a convolution's kernel",
    "kw": "columns of a convolution's kernel",
    "c_in": "channels that a convolution takes",
    "c_out": "channels that a convolution makes",
    "d_model": "features of the residual stream",
    "d_ff": "features inside a feed-forward block",
    "d_in": "features that a layer takes",
    "d_out": "features that a layer gives",
    "d_head": "features of one attention head",
    "half_head": "pairs of features of one attention head, d_head / 2",
    "num_heads": "attention heads",
    "num_kv_heads": "heads with keys and values of their own",
    "num_layers": "layers stacked in one parameter",
    "rank": "columns of a thin factor",
    "max_tokens": "tokens generated at most",
    "points": "points of a plotted curve",
    "draws": "random numbers that vary one example",
    "vocab_size": "entries of the vocabulary",
    "num_classes": "classes that are told apart",
    "horizon": "steps that are forecast",
    "num_steps": "steps of a whole series",
    "num_series": "series of a data set",
    "season": "steps in the period that a series repeats with",
    "patches": "patches that a sequence is cut into",
    "d_patch": "numbers of one patch",
    "num_features": "what the calendar says of a point in time",
    "num_quantiles": "quantiles of a forecast",
    "num_numbers": "columns of numbers in a table",
    "num_missing": "columns of numbers whose missing values are told apart",
    "num_categories": "columns of categories in a table",
    "num_values": "values of all categories together",
    "d_embedding": "features of one value of a category",
    "num_gpu": "devices, where an array has a leading axis of them",
    "batch_per_gpu": "examples of one batch on one device",
}

Scalar = Float[Array, ""]
Tokens = Int[Array, "batch seq_len"]
Weights = Float[Array, "batch seq_len"]
Hidden = Float[Array, "batch seq_len d_model"]
Logits = Float[Array, "batch seq_len vocab_size"]
AttentionMask = Bool[Array, "batch 1 query_len key_len"]
