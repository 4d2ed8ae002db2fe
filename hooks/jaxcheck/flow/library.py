"""What the functions of JAX, NumPy and Python do to keys and to tracers."""

# jax.random: not consuming, as in JAX's own key-reuse checker.
KEEPS_KEY = frozenset(
    f"jax.random.{name}" for name in ("fold_in", "key_data", "key_impl", "clone", "wrap_key_data")
)
MAKES_KEY = frozenset({"jax.random.key", "jax.random.PRNGKey", "jax.random.wrap_key_data"})

# Functions that return the key that they are given, perhaps elsewhere or in another form.
FORWARDS = frozenset(
    {
        "jax.device_put",
        "jax.numpy.asarray",
        "jax.numpy.array",
        "jax.numpy.reshape",
        "jax.numpy.squeeze",
        "jax.numpy.expand_dims",
        "jax.numpy.broadcast_to",
        "jax.lax.with_sharding_constraint",
        "jax.lax.stop_gradient",
        "jax.block_until_ready",
        "flax.jax_utils.replicate",
        "flax.jax_utils.unreplicate",
        "copy.copy",
        "copy.deepcopy",
    }
)
FORWARDING_METHODS = frozenset(
    {"reshape", "squeeze", "ravel", "flatten", "transpose", "swapaxes", "copy", "block_until_ready"}
)

# Functions that look at a value without drawing from it.
INSPECTS = frozenset(
    f"builtins.{name}"
    for name in (
        "print", "len", "isinstance", "issubclass", "type", "id", "hash", "repr", "str", "callable",
        "hasattr", "getattr", "format", "dict", "set", "frozenset", "bool", "vars", "super",
    )
) | frozenset(
    {
        "jax.debug.print",
        "jax.tree.structure",
        "jax.tree.leaves",
        "jax.numpy.shape",
        "jax.numpy.ndim",
        "jax.numpy.size",
        "jax.numpy.issubdtype",
        "jax.numpy.result_type",
        "jax.typeof",
        "jax.ShapeDtypeStruct",
        "jax.dtypes.issubdtype",
        "jax.random.key_impl",
        "numpy.shape",
        "numpy.ndim",
        "numpy.size",
        "numpy.result_type",
        "numpy.issubdtype",
        "numpy.dtype",
    }
)  # fmt: skip
INSPECTING_ROOTS = ("logging", "chex", "warnings", "absl.logging", "pprint", "rich")
INSPECTING_METHODS = frozenset(
    {
        "append", "extend", "insert", "add", "update", "setdefault", "debug", "info", "warning",
        "error", "exception", "log", "is_deleted", "unsafe_buffer_pointer", "lower", "eval_shape",
        "trace", "write",
    }
)  # fmt: skip
# Methods that put a value into a new container, where it may be used later.
STORING_METHODS = frozenset({"replace", "_replace", "copy_with", "update"})

# Functions that map another one over trees, and functions that call another one on the host.
MAPS = frozenset({"jax.tree.map", "jax.tree_util.tree_map_with_path", "jax.tree.map_with_path"})
CALLBACKS = frozenset(
    {
        "jax.debug.callback",
        "jax.pure_callback",
        "jax.experimental.io_callback",
        "jax.experimental.pure_callback",
    }
)

# What waits for the device, and the clocks that somebody reads who does so on purpose.
SYNCHRONISES = frozenset(
    {
        "jax.device_get",
        "jax.block_until_ready",
        "numpy.asarray",
        "numpy.array",
        "builtins.float",
        "builtins.int",
        "builtins.bool",
    }
)
SYNCHRONISING_METHODS = frozenset({"item", "tolist", "block_until_ready"})
CLOCKS = frozenset({"time.time", "time.perf_counter", "time.monotonic", "time.perf_counter_ns"})

# Attributes and functions of a tracer that are known when it is traced.
STATIC_ATTRIBUTES = frozenset(
    {
        "shape", "ndim", "dtype", "size", "aval", "sharding", "weak_type", "itemsize", "nbytes",
        "is_deleted", "committed", "vma",
    }
)  # fmt: skip
ARRAY_ATTRIBUTES = frozenset({"T", "mT", "real", "imag", "at", "flat"})
ARRAY_METHODS = frozenset(
    {
        "all", "any", "argmax", "argmin", "argsort", "astype", "clip", "conj", "cumprod", "cumsum",
        "diagonal", "dot", "flatten", "max", "mean", "min", "prod", "ravel", "repeat", "reshape",
        "round", "searchsorted", "sort", "squeeze", "std", "sum", "swapaxes", "take", "trace",
        "transpose", "var", "view", "nonzero",
    }
)  # fmt: skip
# Methods that convert an array to Python values, and those that show what is in a container.
CONVERTING_METHODS = frozenset({"item", "tolist", "__array__", "__bool__", "__float__", "__int__"})
VIEWS = frozenset({"items", "values"})
BOOLEAN_FUNCTIONS = frozenset(
    {
        "isnan", "isinf", "isfinite", "logical_and", "logical_or", "logical_not", "logical_xor",
        "greater", "less", "greater_equal", "less_equal", "equal", "not_equal", "isclose", "isin",
        "signbit", "isneginf", "isposinf",
    }
)  # fmt: skip
# jax.numpy functions whose result is known when they are traced.
STATIC_FUNCTIONS = frozenset(
    {
        "shape", "ndim", "size", "issubdtype", "result_type", "dtype", "iinfo", "finfo",
        "promote_types", "isscalar", "iscomplexobj", "isrealobj", "can_cast", "broadcast_shapes",
        "isdtype",
    }
)  # fmt: skip
# jax.numpy functions that return a list of arrays.
LIST_FUNCTIONS = frozenset(
    {
        "split", "array_split", "hsplit", "vsplit", "dsplit", "meshgrid", "broadcast_arrays",
        "unstack", "nonzero", "unravel_index", "indices", "ix_",
    }
)  # fmt: skip
# Functions whose result has as many elements as the data says, unless `size` says it.
DATA_DEPENDENT = frozenset(
    f"jax.numpy.{name}"
    for name in (
        "nonzero", "flatnonzero", "argwhere", "unique", "unique_values", "union1d", "intersect1d",
        "setdiff1d", "setxor1d", "compress", "extract",
    )
)  # fmt: skip
# Functions that take a length or a shape: which arguments, by position and by name.
SIZES = {
    "jax.numpy.arange": ((0, 1, 2), ("start", "stop", "step")),
    "jax.numpy.zeros": ((0,), ("shape",)),
    "jax.numpy.ones": ((0,), ("shape",)),
    "jax.numpy.empty": ((0,), ("shape",)),
    "jax.numpy.full": ((0,), ("shape",)),
    "jax.numpy.eye": ((0, 1), ("N", "M")),
    "jax.numpy.identity": ((0,), ("n",)),
    "jax.numpy.linspace": ((2,), ("num",)),
    "jax.numpy.reshape": ((1,), ("shape", "newshape")),
    "jax.numpy.broadcast_to": ((1,), ("shape",)),
    "jax.numpy.tile": ((1,), ("reps",)),
    "jax.numpy.tri": ((0, 1), ("N", "M")),
    "jax.random.normal": ((1,), ("shape",)),
    "jax.random.uniform": ((1,), ("shape",)),
    "jax.random.bernoulli": ((2,), ("shape",)),
    "jax.random.randint": ((1,), ("shape",)),
    "jax.random.split": ((1,), ("num",)),
    "jax.nn.one_hot": ((1,), ("num_classes",)),
    "jax.lax.iota": ((1,), ("size",)),
    "jax.lax.top_k": ((1,), ("k",)),
    "jax.image.resize": ((1,), ("shape",)),
}
# Arguments of any jax.numpy, jax.lax or jax.nn function that must be known when it is traced.
STRUCTURAL_KEYWORDS = frozenset(
    {"axis", "axes", "keepdims", "dtype", "num_classes", "length", "num_segments", "size"}
)

NUMPY_STATIC = frozenset(
    {
        "shape", "ndim", "size", "dtype", "issubdtype", "result_type", "iinfo", "finfo",
        "promote_types", "can_cast", "isscalar", "broadcast_shapes", "newaxis", "random",
        "testing", "lib", "printoptions", "set_printoptions", "errstate", "ndindex", "s_",
    }
)  # fmt: skip

ARRAY_PACKAGES = ("jax.numpy.", "jax.lax.", "jax.nn.", "jax.scipy.", "jax.ops.", "jax.image.")
# In those packages, but not functions of arrays.
NOT_ARRAY_FUNCTIONS = ("jax.nn.initializers.", "jax.lax.axis_size", "jax.lax.Precision")


def is_array_function(name: str) -> bool:
    """Whether a canonical name is a function of JAX that returns arrays."""
    return (name.startswith(ARRAY_PACKAGES) or _is_loss(name)) and not name.startswith(
        NOT_ARRAY_FUNCTIONS
    )


def _is_loss(name: str) -> bool:
    return name.startswith("optax.losses.") and name.count(".") == 2
