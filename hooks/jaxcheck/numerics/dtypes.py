"""The dtype that an expression names, and the dtype that an array has, as far as the code tells."""

import ast
from collections.abc import Iterable

from ..arrays.annotations import array_type
from ..arrays.dimensions_of import einsum
from ..arrays.evidence import array_function
from ..project import Project
from ..source.bindings import parameter_of, reaching
from ..source.declared import class_of
from ..source.module import Module
from ..source.scopes import Function
from ..transforms.tracing import target_of

HALF = ("bfloat16", "float16")
_FLOATS = frozenset({"bfloat16", "float16", "float32", "float64"})
_OTHERS = frozenset(
    {
        "int4", "int8", "int16", "int32", "int64", "uint4", "uint8", "uint16", "uint32", "uint64",
        "bool_", "bool", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2",
    }
)  # fmt: skip
_DTYPES = _FLOATS | _OTHERS
_HOMES = ("jax.numpy", "numpy", "ml_dtypes", "jax.dtypes")
_ANNOTATED = {"BFloat16": "bfloat16", "Float16": "float16", "Float32": "float32",
              "Float64": "float64"}  # fmt: skip
# Where functions that make arrays take their dtype, if it is not given by keyword.
_MADE = {
    "zeros": 1, "ones": 1, "empty": 1, "full": 2, "array": 1, "asarray": 1, "eye": 3, "identity": 1,
    "normal": 2, "uniform": 2, "truncated_normal": 4, "orthogonal": 3, "gumbel": 2, "laplace": 2,
    "exponential": 2, "cauchy": 2, "logistic": 2, "ball": 4, "rademacher": 2,
    "multivariate_normal": 4, "t": 3, "gamma": 3, "beta": 4, "glorot_normal": 2,
}  # fmt: skip
_FLOAT_BY_DEFAULT = frozenset(_MADE) - {"full", "array", "asarray", "rademacher"}
_LIKE = {"zeros_like": 1, "ones_like": 1, "full_like": 2, "empty_like": 1}
# Functions that return the dtype of their floating-point argument.
_SAME = frozenset(
    {
        "abs", "amax", "amin", "broadcast_to", "ceil", "clip", "cos", "cosh", "cumprod", "cumsum",
        "exp", "expand_dims", "expm1", "flip", "floor", "gelu", "l2_loss", "leaky_relu", "log",
        "log1p", "log_sigmoid", "log_softmax", "logsumexp", "max", "mean", "median", "min",
        "moveaxis", "negative", "norm", "optimization_barrier", "prod", "ravel", "relu", "repeat",
        "reshape", "roll", "rsqrt", "sigmoid", "sign", "silu", "sin", "softmax", "softplus", "sort",
        "sqrt", "square", "squeeze", "standardize", "std", "stop_gradient", "sum", "swapaxes",
        "swish", "take", "take_along_axis", "tan", "tanh", "tile", "transpose", "tril", "triu",
        "var", "with_sharding_constraint",
    }
)  # fmt: skip
_METHODS = frozenset(
    {
        "T", "mT", "real", "clip", "copy", "cumprod", "cumsum", "dot", "flatten", "max", "mean",
        "min", "prod", "ravel", "repeat", "reshape", "squeeze", "std", "sum", "swapaxes", "take",
        "transpose", "var",
    }
)  # fmt: skip
_JOINED = frozenset({"concatenate", "stack", "hstack", "vstack"})
_PROMOTING = frozenset(
    {"add", "subtract", "multiply", "divide", "maximum", "minimum", "matmul", "dot", "tensordot",
     "inner", "outer", "vdot", "power"}
)  # fmt: skip
_DEPTH = 8
WEAK = "weak"
"""The dtype of Python's numbers, and of what JAX computes from them alone."""


def dtype_named(module: Module, node: ast.expr | None) -> str | None:
    """Returns the dtype that an expression names, such as `jnp.bfloat16` or `"bfloat16"`."""
    if node is None:
        return None
    if isinstance(node, ast.Call):
        of_dtype = (module.resolve(node.func) or "").rpartition(".")[2] == "dtype"
        return dtype_named(module, node.args[0]) if of_dtype and node.args else None
    if not isinstance(node, ast.Name | ast.Attribute | ast.Constant):
        return None
    home, _, last = (module.resolve(node) or "").rpartition(".")
    if home in _HOMES and last in _DTYPES:
        return last
    value = module.literal(node)
    return value if isinstance(value, str) and value in _DTYPES else None


def dtype_by_default(module: Module, node: ast.expr | None) -> str | None:
    """Returns the dtype that a field such as `config.param_dtype` has unless it is configured."""
    if not isinstance(node, ast.Attribute) or module.project is None:
        return None
    owner = class_of(module, node.value)
    field = owner[1].fields.get(node.attr) if owner else None
    if owner is None or field is None:
        return None
    value = field.value
    if isinstance(value, ast.Call):
        given = {k.arg: k.value for k in value.keywords}
        first = value.args[0] if value.args else None
        value = given.get("default", first)
    return dtype_named(owner[0], value)


def mentions_half(project: Project) -> bool:
    """Whether any module spells a half-precision dtype, so that a dtype can be one at all."""
    found: bool | None = project.facts.get("mentions half")
    if found is None:
        found = any("loat16" in m.source for m in project.modules.values())
        project.facts["mentions half"] = found
    return found


def given_dtype(module: Module, call: ast.Call) -> ast.expr | None:
    """Returns the expression that a call which makes an array, or casts one, takes its dtype of."""
    for keyword in call.keywords:
        if keyword.arg == "dtype":
            return keyword.value
    name = module.resolve(call.func) or ""
    home, _, last = name.rpartition(".")
    at = None
    if home in ("jax.numpy", "jax.random"):
        at = _MADE.get(last, _LIKE.get(last))
    elif name == "jax.lax.convert_element_type" or is_initializer(module, call.func):
        at = 1 if last else 2
    elif isinstance(call.func, ast.Attribute) and call.func.attr == "astype":
        at = 0
    if at is None or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    return call.args[at] if at < len(call.args) else None


def is_initializer(module: Module, node: ast.expr) -> bool:
    """Whether an expression is an initialiser, such as `nnx.initializers.zeros_init()`."""
    if isinstance(node, ast.Name):
        bound = reaching(module, node)
        value = bound[0].value if len(bound) == 1 and not bound[0].path else None
        return isinstance(value, ast.Call) and is_initializer(module, value)
    return isinstance(node, ast.Call) and is_initializer_name(module.resolve(node.func))


def is_initializer_name(name: str | None) -> bool:
    """Whether a canonical name is that of a function which makes initialisers."""
    return (name or "").startswith(
        ("jax.nn.initializers.", "flax.nnx.initializers.", "flax.linen.initializers.")
    )


def dtype_of(module: Module, node: ast.expr | None, depth: int = _DEPTH) -> str | None:
    """Returns the dtype of an array; `WEAK` for plain numbers; None where it is not known."""
    if node is None or depth == 0:
        return None
    assert module.project is not None
    known: dict[ast.expr, str | None] = module.project.facts.setdefault("dtypes", {})
    if node not in known:
        known[node] = None  # a name that is bound to itself ends here
        known[node] = _dtype_of(module, node, depth)
    return known[node]


def _dtype_of(module: Module, node: ast.expr, depth: int) -> str | None:
    match node:
        case ast.Constant():
            return WEAK if type(node.value) in (int, float) else None
        case ast.Name():
            return _name(module, node, depth)
        case ast.Call():
            return _call(module, node, depth)
        case ast.BinOp():
            return promoted(dtype_of(module, side, depth - 1) for side in (node.left, node.right))
        case ast.UnaryOp():
            return dtype_of(module, node.operand, depth - 1)
        case ast.Subscript():
            if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
                return WEAK
            return dtype_of(module, node.value, depth - 1)
        case ast.Attribute():
            if node.attr in ("size", "ndim"):
                return WEAK
            inside = node.value if node.attr in _METHODS else None
            return dtype_of(module, inside, depth - 1)
        case ast.IfExp():
            first, second = (dtype_of(module, n, depth - 1) for n in (node.body, node.orelse))
            return first if first == second else None
        case ast.NamedExpr():
            return dtype_of(module, node.value, depth - 1)
        case _:
            return None


def promoted(dtypes: Iterable[str | None]) -> str | None:
    """Returns the dtype of a sum of values with these dtypes, as JAX promotes them."""
    given = set(dtypes)
    if None in given:
        return "float32" if "float32" in given and "float64" not in given else None
    given.discard(WEAK)
    if not given:
        return WEAK
    if len(given) == 1:
        return given.pop()
    if given <= _FLOATS:
        return "float64" if "float64" in given else "float32"
    floats = given & _FLOATS
    return floats.pop() if len(floats) == 1 else None


def _name(module: Module, node: ast.Name, depth: int) -> str | None:
    parameter = parameter_of(module, node)
    if parameter is not None:
        if module.resolve(parameter.annotation) in ("builtins.int", "builtins.float"):
            return WEAK
        found = array_type(module, parameter.annotation)
        return _ANNOTATED.get(found.dtype) if found else None
    dtypes = set()
    for bound in reaching(module, node):
        value = bound.value
        for at in bound.path:
            inside = value.elts if isinstance(value, ast.Tuple) else []
            value = inside[at] if at < len(inside) else None
        dtypes.add(dtype_of(module, value, depth - 1))
    return dtypes.pop() if len(dtypes) == 1 else None


def _call(module: Module, node: ast.Call, depth: int) -> str | None:
    name = module.resolve(node.func) or ""
    home, _, last = name.rpartition(".")
    explicit = given_dtype(module, node)
    if explicit is not None:
        if isinstance(explicit, ast.Attribute) and explicit.attr == "dtype":
            return dtype_of(module, explicit.value, depth - 1)
        return dtype_named(module, explicit)
    if home == "jax.numpy" and last in _FLOATS:
        return last
    if home.startswith("math") or name in ("builtins.len", "builtins.float", "builtins.int"):
        return WEAK
    if is_initializer(module, node.func):
        factory = node.func
        inside = given_dtype(module, factory) if isinstance(factory, ast.Call) else None
        return dtype_named(module, inside) if inside is not None else "float32"
    if home in ("jax.numpy", "jax.random") and last in _FLOAT_BY_DEFAULT:
        return "float32"
    if last == "einsum" or einsum(module, node) is not None or last in _PROMOTING:
        return _product(module, node, last, depth) if home.startswith("jax.") else None
    if home == "jax.numpy" and last == "where" and len(node.args) == 3:
        return promoted(dtype_of(module, each, depth - 1) for each in node.args[1:])
    if home == "jax.numpy" and last in _JOINED and node.args:
        inside = getattr(node.args[0], "elts", [])
        return promoted(dtype_of(module, each, depth - 1) for each in inside) if inside else None
    if (array_function(name) and last in _SAME) or (home == "jax.numpy" and last in _LIKE):
        return dtype_of(module, node.args[0], depth - 1) if node.args else None
    if isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS and not home:
        return dtype_of(module, node.func.value, depth - 1)
    target = target_of(module, node.func)
    found = array_type(target.module, target.function.returns) if target else None
    return _ANNOTATED.get(found.dtype) if found else None


def _product(module: Module, node: ast.Call, last: str, depth: int) -> str | None:
    for keyword in node.keywords:
        if keyword.arg == "preferred_element_type":
            return dtype_named(module, keyword.value)
    operands = node.args[1:] if last == "einsum" else node.args[:2]
    return promoted(dtype_of(module, each, depth - 1) for each in operands)


def decided_by(module: Module, node: ast.expr | None, function: Function) -> str | None:
    """Returns the parameter of a function whose value a dtype is, as in `dtype=param_dtype`."""
    if not isinstance(node, ast.Name):
        return None
    parameter = parameter_of(module, node)
    if parameter is None or function.parameter(parameter.name) is not parameter:
        return None
    return parameter.name
