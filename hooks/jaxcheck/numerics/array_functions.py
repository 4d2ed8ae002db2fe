"""The ranges of the results of JAX's array functions, by the last part of their names."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .ranges import ANYTHING, TINY, Range, exactly, joined, product

_INF = float("inf")
_SAME = {
    "asarray", "array", "astype", "stop_gradient", "reshape", "transpose", "broadcast_to", "copy",
    "expand_dims", "squeeze", "ravel", "flatten", "take", "take_along_axis", "concatenate", "stack",
    "tile", "repeat", "flip", "roll", "sort", "mean", "nanmean", "median", "max", "min", "amax",
    "amin", "nanmax", "nanmin", "pmean", "pmax", "pmin", "swapaxes", "moveaxis", "atleast_1d",
    "atleast_2d", "nan_to_num", "round", "item", "convert_element_type", "float32", "float16",
    "bfloat16", "float64", "int32", "diagonal", "diag", "cummax", "cummin", "full_like", "quantile",
    "percentile", "all_gather", "with_sharding_constraint", "reduce_precision", "vstack", "hstack",
    "dynamic_slice", "mT", "optimization_barrier", "pcast", "pvary", "average",
}  # fmt: skip
_SUMS = {"sum", "nansum", "cumsum", "psum", "prod", "cumprod", "nanprod", "logaddexp"}
_NOT_NEGATIVE = {
    "abs", "absolute", "fabs", "var", "nanvar", "std", "nanstd", "norm", "relu", "sqrt", "hypot",
    "global_norm", "count_nonzero", "bincount", "arange", "eye", "identity", "gamma", "chisquare",
    "exponential", "squared_error", "huber_loss", "l2_loss", "svdvals", "axis_index",
}  # fmt: skip
_UNIT = {"softmax", "sigmoid", "hard_sigmoid", "dirichlet", "expit"}
_FLAGS = {
    "isfinite", "isnan", "isinf", "isclose", "allclose", "array_equal", "logical_and", "logical_or",
    "logical_not", "any", "all", "equal", "not_equal", "less", "less_equal", "greater", "one_hot",
    "greater_equal", "bernoulli", "tri",
}  # fmt: skip
_SYMMETRIC = {"cos", "sin", "tanh", "sign", "hard_tanh", "soft_sign", "erf"}
_REDUCTIONS = {
    "sum", "mean", "max", "min", "var", "std", "norm", "prod", "any", "all", "einsum", "dot",
    "vdot", "matmul", "nansum", "nanmean", "amax", "amin", "softmax", "log_softmax",
    "logsumexp", "inner", "tensordot", "take_along_axis", "cumsum", "square",
}  # fmt: skip


def result(name: str, given: Sequence[Range | None], keywords: Mapping[str, Range]) -> Range:
    """Returns the range of a function's result.

    Args:
        name: The last part of the function's or method's name.
        given: The ranges of its positional arguments, the array of a method first; None for None.
        keywords: The ranges of its keyword arguments.
    """
    first = (given[0] if given else None) or ANYTHING
    kind = "array" if name in _REDUCTIONS else first.kind
    if name in _SAME:
        return first if first.kind else Range(kind=kind)
    if name in _SUMS:
        return Range(low=0.0 if first.low >= 0 else -_INF, kind=kind).at_least(first)
    if name in _NOT_NEGATIVE:
        positive = name in ("abs", "absolute", "fabs", "sqrt") and first.is_nonzero
        whole = name in ("arange", "count_nonzero", "bincount")
        return Range(TINY if positive else 0.0, _INF, kind, positive and first.assumed, whole)
    if name in _BOUNDED:
        low, high = _BOUNDED[name]
        return Range(low, high, kind=kind)
    if name in _UNIT:
        return Range(0.0, 1.0, kind=kind)
    if name in _FLAGS:
        return Range(0.0, 1.0, kind=kind, integer=True)
    if name in _SYMMETRIC:
        return Range(-1.0, 1.0, kind=kind)
    if name in _CONSTANT:
        return Range(_CONSTANT[name], _CONSTANT[name], kind="array")
    if name in _LISTED:
        return _LISTED[name]([each for each in given if each is not None])
    if name == "clip":
        return _clip(first, given, keywords)
    if name == "uniform":
        low, high = keywords.get("minval", exactly(0.0)), keywords.get("maxval", exactly(1.0))
        return Range(low.low, high.high, kind="array", assumed=low.is_unknown_number)
    if name == "full" and len(given) > 1:
        return given[1] or ANYTHING
    return _elementwise(name, first, kind, given[1] if len(given) > 1 else None)


def _elementwise(name: str, first: Range, kind: str, second: Range | None) -> Range:
    if name in ("exp", "exp2"):
        return Range(low=TINY, high=1.0 if first.high <= 0 else _INF, kind=kind)
    if name == "square":
        return replace(first.squared, kind=kind)
    if name in ("rsqrt", "reciprocal"):
        return Range(low=TINY if first.low >= 0 else -_INF, kind=kind)
    if name == "negative":
        return first.negated
    if name == "log" and first.high <= 1:
        return Range(high=0.0, kind=kind)
    if name in ("log", "log1p") and first.low >= (1 if name == "log" else 0):
        return Range(low=0.0, kind=kind)
    if second is None:
        return Range(kind=kind)
    if name == "add":
        return first + second
    if name == "subtract":
        return first.minus(second)
    if name == "multiply":
        return product(first, second)
    if name in ("divide", "true_divide"):
        return product(first, second.inverted)
    if name in ("power", "pow"):
        return first.power(second)
    return Range(kind=kind)


def maximum(given: Sequence[Range]) -> Range:
    """The range of the largest of some values; an epsilon that cannot be seen guards it."""
    low = max((each.low for each in given), default=-_INF)
    high = max((each.high for each in given), default=_INF)
    assumed = any(each.is_unknown_number or each.assumed for each in given)
    return Range(low, high, kind=joined(given).kind, assumed=assumed)


def minimum(given: Sequence[Range]) -> Range:
    """The range of the smallest of some values."""
    low = min((each.low for each in given), default=-_INF)
    high = min((each.high for each in given), default=_INF)
    return Range(low, high, kind=joined(given).kind, assumed=bool(given) and given[0].assumed)


def _clip(first: Range, given: Sequence[Range | None], keywords: Mapping[str, Range]) -> Range:
    for position, names, limit in ((1, ("min", "a_min"), maximum), (2, ("max", "a_max"), minimum)):
        bound = next((keywords[name] for name in names if name in keywords), None)
        if bound is None and len(given) > position:
            bound = given[position]
        if bound is not None:
            first = limit([first, bound])
    return first


def _where(given: Sequence[Range]) -> Range:
    """A constant in one branch stands in for values that are left out: a guard."""
    if len(given) < 3:
        return ANYTHING
    found = joined(given[1:3])
    stands_in = any(each.low == each.high != 0 and abs(each.low) < 1e30 for each in given[1:3])
    return Range(found.low, found.high, kind="array", assumed=stands_in or found.assumed)


_LISTED = {"maximum": maximum, "minimum": minimum, "where": _where, "select": _where}
_CONSTANT = {"ones": 1.0, "ones_like": 1.0, "zeros": 0.0, "zeros_like": 0.0}
_BOUNDED = {
    "log_softmax": (-_INF, 0.0), "log_sigmoid": (-_INF, 0.0), "cosh": (1.0, _INF),
    "softplus": (TINY, _INF), "safe_norm": (TINY, _INF), "safe_rms": (TINY, _INF),
    "safe_root_mean_squares": (TINY, _INF), "axis_size": (1.0, _INF), "expm1": (-1.0, _INF),
}  # fmt: skip
