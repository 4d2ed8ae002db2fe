"""What functions and methods of arrays do to the number of axes."""

SAME = frozenset(
    {
        "abs", "absolute", "array", "asarray", "astype", "celu", "clip", "conj", "conjugate",
        "copy", "cos", "cosh", "elu", "erf", "exp", "exp2", "expm1", "flip",
        "gelu", "hard_tanh", "imag", "isfinite", "isinf", "isnan", "leaky_relu", "log", "log10",
        "log1p", "log2", "log_sigmoid", "log_softmax", "logical_not", "mT", "moveaxis", "mish",
        "nan_to_num", "negative", "ones_like", "optimization_barrier", "pad", "permute_dims",
        "psum", "real", "reduce_precision", "relu", "relu6", "reverse", "roll", "round", "rsqrt",
        "selu", "sigmoid", "sign", "silu", "sin", "sinh", "soft_sign", "softmax", "softplus",
        "sort", "sqrt", "square", "standardize", "stop_gradient", "swapaxes", "swish", "tan",
        "tanh", "transpose", "tril", "triu", "with_sharding_constraint", "zeros_like", "full_like",
        "convert_element_type", "T", "dynamic_update_slice", "dynamic_slice",
        "take_along_axis", "argsort", "pmean", "view",
    }
)  # fmt: skip
REDUCTIONS = frozenset(
    {
        "all", "amax", "amin", "any", "argmax", "argmin", "average", "count_nonzero", "logsumexp",
        "max", "mean", "median", "min", "nanmax", "nanmean", "nanmin", "nansum", "norm", "prod",
        "std", "sum", "var",
    }
)  # fmt: skip
ELEMENTWISE = frozenset(
    {
        "add", "arctan2", "divide", "equal", "greater", "greater_equal", "less", "less_equal",
        "logaddexp", "logical_and", "logical_or", "maximum", "minimum", "mod", "multiply",
        "not_equal", "power", "subtract", "where",
    }
)  # fmt: skip
# Functions that take the whole shape of their result, and where.
FROM_SHAPE = {
    "zeros": 0, "ones": 0, "empty": 0, "full": 0, "broadcast_to": 1, "reshape": 1, "normal": 1,
    "uniform": 1, "truncated_normal": 3, "randint": 1, "bernoulli": 2, "gumbel": 1, "resize": 1,
}  # fmt: skip
FIXED = {"arange": 1, "linspace": 1, "ravel": 1, "flatten": 1, "eye": 2, "identity": 2, "outer": 2}
# Methods of arrays, by what they do.
METHODS = frozenset(
    {
        "T", "all", "any", "argmax", "argmin", "argsort", "astype", "clip", "conj", "copy", "dot",
        "flatten", "imag", "mT", "max", "mean", "min", "prod", "ravel", "real", "reshape", "round",
        "sort", "squeeze", "std", "sum", "swapaxes", "transpose", "var", "view",
    }
)  # fmt: skip
