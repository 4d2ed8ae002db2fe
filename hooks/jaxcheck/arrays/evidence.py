"""Which expressions are arrays, as far as one function and the annotations around it tell."""

import ast
from collections.abc import Iterator

from ..source.bindings import Bound, bindings, parameter_of, scope_of
from ..source.module import Module
from ..source.scopes import Scope
from ..transforms.tracing import target_of
from .annotations import Kind, array_types, parts

_DEPTH = 6
_PACKAGES = frozenset(
    {
        "jax.numpy", "jax.numpy.linalg", "jax.numpy.fft", "jax.lax", "jax.lax.linalg", "jax.nn",
        "jax.scipy.special", "jax.scipy.linalg", "jax.scipy.signal", "jax.scipy.ndimage",
        "jax.image", "jax.random", "jax.ops",
    }
)  # fmt: skip
# What these return is no array, or whatever they are given.
_OTHERS = frozenset(
    {
        "all_gather", "all_to_all", "apply_along_axis", "apply_over_axes", "associative_scan",
        "axis_index", "axis_size", "broadcast_shapes", "can_cast", "cond", "conv_dimension_numbers",
        "custom_linear_solve", "custom_root", "dtype", "einsum_path", "finfo", "fori_loop",
        "frompyfunc", "get_printoptions", "iinfo", "initializers", "isdtype", "isscalar",
        "issubdtype", "iterable", "key_impl", "map", "ndim", "optimization_barrier", "pmax",
        "pmean", "pmin", "ppermute", "Precision", "printoptions", "promote_types", "psum",
        "psum_scatter", "pvary", "reduce_precision", "result_type", "save", "savez", "scan",
        "set_printoptions", "shape", "size", "stop_gradient", "switch", "vectorize", "while_loop",
        "with_sharding_constraint",
    }
)  # fmt: skip
# These make arrays of sizes, of lists or of numbers: an argument of theirs need not be an array.
_MAKERS = frozenset(
    {
        "arange", "array", "asarray", "bartlett", "bfloat16", "blackman", "bool_",
        "broadcasted_iota", "empty", "eye", "fftfreq", "float16", "float32", "float64",
        "fromfunction", "full", "full_like", "geomspace", "hamming", "hann_window", "hanning",
        "identity", "indices", "int32", "int64", "int8", "iota", "kaiser", "key", "linspace",
        "load", "logspace", "meshgrid", "ones", "rfftfreq", "tri", "uint32", "uint8", "zeros",
    }
)  # fmt: skip
_OPERANDS = {
    "where": (0, 1), "dot": (0, 1), "matmul": (0, 1), "tensordot": (0, 1), "vdot": (0, 1),
    "inner": (0, 1), "outer": (0, 1), "take": (0, 1), "take_along_axis": (0, 1),
    "select": (0, 1, 2), "dot_general": (0, 1), "conv_general_dilated": (0, 1),
    "dynamic_update_slice": (0, 1), "dot_product_attention": (0, 1, 2), "searchsorted": (0, 1),
    "cross": (0, 1), "kron": (0, 1), "einsum": tuple(range(1, 8)), "permutation": (1,),
    "choice": (), "categorical": (1,), "conv": (0, 1), "convolve": (0, 1), "solve": (0, 1),
    "segment_sum": (0, 1), "bincount": (0, 1),
}  # fmt: skip
_JOINS = frozenset({"concatenate", "stack", "hstack", "vstack", "dstack", "column_stack"})
_LOSSES = ("softmax_cross_entropy", "sigmoid_binary_cross_entropy", "l2_loss", "huber_loss",
           "squared_error", "cosine_similarity", "cosine_distance", "log_cosh", "hinge_loss",
           "kl_divergence")  # fmt: skip
_NORMS = frozenset({"optax.global_norm", "optax.tree.norm"})
METHODS = frozenset(
    {
        "T", "all", "any", "argmax", "argmin", "argsort", "astype", "at", "clip", "conj", "cumprod",
        "cumsum", "dot", "dtype", "flatten", "imag", "mT", "max", "mean", "min", "ndim", "nbytes",
        "prod", "ravel", "real", "repeat", "reshape", "round", "shape", "size", "sort", "squeeze",
        "std", "sum", "swapaxes", "take", "trace", "transpose", "var", "view",
    }
)  # fmt: skip
_NUMBERS = frozenset({"dtype", "ndim", "nbytes", "shape", "size", "item", "tolist", "at"})


def array_function(name: str | None, numpy: bool = False) -> str:
    """Returns the last part of the name of a function that returns arrays; "" for another one.

    Args:
        name: Its canonical name.
        numpy: Whether NumPy's functions count.
    """
    if name is None:
        return ""
    package, _, last = name.rpartition(".")
    if package in _PACKAGES or package.startswith("jax.scipy.stats."):
        return "" if last in _OTHERS or not last[0].islower() else last
    if numpy and package in ("numpy", "numpy.linalg", "numpy.fft"):
        return "" if last in _OTHERS else last
    if package.startswith("optax") and (last.startswith(_LOSSES) or name in _NORMS):
        return last
    return ""


def operands(module: Module, call: ast.Call, numpy: bool = False) -> Iterator[ast.expr]:
    """Yields the arguments of a call that must be arrays, the keys of `jax.random` included."""
    name = module.resolve(call.func)
    last = array_function(name, numpy)
    if not last or last in _MAKERS or name in _NORMS:
        return
    if last in _JOINS and call.args and isinstance(call.args[0], ast.List | ast.Tuple):
        yield from call.args[0].elts
        return
    losses = (0, 1) if (name or "").startswith("optax.") else (0,)
    for position in _OPERANDS.get(last, losses):
        if position < len(call.args):
            yield call.args[position]
    if key_operand(module, call) is not None and last in ("permutation", "choice", "categorical"):
        yield call.args[0]


def key_operand(module: Module, call: ast.Call) -> ast.expr | None:
    """Returns the key that a call of `jax.random` is given."""
    name = module.resolve(call.func)
    if name is None or not name.startswith("jax.random."):
        return None
    if name.rpartition(".")[2] in ("key", "PRNGKey", "wrap_key_data", "key_impl", "PRNGKeyArray"):
        return None
    return call.args[0] if call.args else None


def makes_key(module: Module, node: ast.expr) -> bool:
    """Whether an expression is a call that returns keys."""
    names = ("key", "PRNGKey", "split", "fold_in", "clone", "wrap_key_data")
    name = module.resolve(node.func) if isinstance(node, ast.Call) else None
    return name in tuple(f"jax.random.{each}" for each in names)


def is_array(module: Module, node: ast.expr | None, numpy: bool = False) -> bool:
    """Whether an expression is certainly an array, or a tuple, list or dict that holds one."""
    if node is None:
        return False
    assert module.project is not None
    known: dict[ast.expr, bool] = module.project.facts.setdefault(("arrays", numpy), {})
    if node not in known:
        known[node] = False  # a name that is bound to itself ends here
        known[node] = _is_array(module, node, numpy)
    return known[node]


def _is_array(module: Module, node: ast.expr, numpy: bool) -> bool:
    match node:
        case ast.Name():
            return _name(module, node, numpy)
        case ast.Call():
            return _call(module, node, numpy)
        case ast.Attribute():
            return (
                node.attr in METHODS - _NUMBERS and is_array(module, node.value, numpy)
            ) or _field(module, node)
        case ast.BinOp():
            return is_array(module, node.left, numpy) or is_array(module, node.right, numpy)
        case ast.Compare():
            if isinstance(node.ops[0], ast.Is | ast.IsNot | ast.In | ast.NotIn):
                return False
            return any(is_array(module, each, numpy) for each in (node.left, *node.comparators))
        case ast.UnaryOp():
            return not isinstance(node.op, ast.Not) and is_array(module, node.operand, numpy)
        case ast.Subscript():
            return is_array(module, node.value, numpy)
        case ast.IfExp():
            return is_array(module, node.body, numpy) or is_array(module, node.orelse, numpy)
        case ast.Tuple() | ast.List():
            return any(is_array(module, each, numpy) for each in node.elts)
        case ast.Dict():
            return any(is_array(module, each, numpy) for each in node.values)
        case ast.ListComp() | ast.GeneratorExp():
            return is_array(module, node.elt, numpy)
        case ast.DictComp():
            return is_array(module, node.value, numpy)
        case ast.Starred() | ast.NamedExpr() | ast.Await():
            return is_array(module, node.value, numpy)
        case _:
            return False


def _name(module: Module, node: ast.Name, numpy: bool) -> bool:
    parameter = parameter_of(module, node)
    if parameter is not None:
        return says_array(module, parameter.annotation)
    # One answer for all that read the variable: each of its values may be made of the one before.
    assert module.project is not None
    known: dict[tuple[Scope | None, str], bool] = module.project.facts.setdefault(
        ("array variables", numpy), {}
    )
    variable = (scope_of(module, node), node.id)
    if variable not in known:
        known[variable] = False
        known[variable] = any(_bound(module, each, numpy) for each in bindings(module, node))
    return known[variable]


def _bound(module: Module, bound: Bound, numpy: bool) -> bool:
    if not isinstance(bound.statement, ast.Assign | ast.AnnAssign | ast.NamedExpr):
        return False
    value = bound.value
    if value is None or not bound.path:
        return is_array(module, value, numpy)
    at, *deeper = bound.path
    if deeper:
        return False
    if isinstance(value, ast.Tuple):
        return at < len(value.elts) and is_array(module, value.elts[at], numpy)
    if isinstance(value, ast.Call) and array_function(module.resolve(value.func), numpy):
        return True
    returned = _returned(module, value) if isinstance(value, ast.Call) else None
    if returned is None:
        return False
    where, annotation = returned
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.slice, ast.Tuple):
        elements = annotation.slice.elts
        return at < len(elements) and says_array(where, elements[at])
    return False


def _call(module: Module, node: ast.Call, numpy: bool) -> bool:
    if array_function(module.resolve(node.func), numpy):
        return True
    returned = _returned(module, node)
    if returned is not None:
        return bool(array_types(*returned)) or says_array(*returned)
    function = node.func
    if isinstance(function, ast.Attribute):
        if function.attr in METHODS and is_array(module, function.value, numpy):
            return True
        if _is_update(function) and isinstance(function.value, ast.Subscript):
            return True
        own = isinstance(function.value, ast.Name) and function.value.id == "self"
        if own and _in_nnx_module(module, node):
            return any(is_array(module, each, numpy) for each in node.args)
    return False


def _is_update(function: ast.Attribute) -> bool:
    """Whether it is the method of `x.at[…].set(…)`."""
    inner = function.value.value if isinstance(function.value, ast.Subscript) else None
    return isinstance(inner, ast.Attribute) and inner.attr == "at"


def _returned(module: Module, call: ast.Call) -> tuple[Module, ast.expr] | None:
    """Returns the annotation of what a call of a function of the project returns."""
    target = target_of(module, call.func)
    if target is None or target.function.returns is None:
        return None
    return target.module, target.function.returns


def _field(module: Module, node: ast.Attribute) -> bool:
    """Whether it is a field, annotated as array, of a parameter annotated with its class."""
    if not isinstance(node.value, ast.Name):
        return False
    parameter = parameter_of(module, node.value)
    if parameter is None or parameter.annotation is None or module.project is None:
        return False
    found = module.project.class_(module.resolve(parameter.annotation))
    field = found[1].fields.get(node.attr) if found else None
    return field is not None and found is not None and says_array(found[0], field.annotation)


def _in_nnx_module(module: Module, node: ast.AST) -> bool:
    owner = module.enclosing_class(node)
    assert module.project is not None
    return owner is not None and module.project.is_nnx_module(module, owner)


def says_array(module: Module, annotation: ast.expr | None) -> bool:
    """Whether an annotation says that the value itself is an array, with a shape or without."""
    kinds = (Kind.ARRAY, Kind.BARE, Kind.KEY)
    return any(p.kind in kinds and not p.contained for p in parts(module, annotation))
