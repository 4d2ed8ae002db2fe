"""JAX's transformations as tables: which arguments they trace, and which keywords steer them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transform:
    """What a transformation does to the functions that it is given.

    Attributes:
        kind: "jit" for those that stage everything out, even constants; "grad" and "vmap" for
            those that trace some arguments only; "body" for control flow.
        functions: The positions of the function arguments.
        keywords: Their names when they are passed by keyword.
        repeats: Whether the function runs several times on what it closes over: a loop's body.
        wraps: Whether it returns a function, so that it can be a decorator.
        abstract: Whether it runs nothing: keys are not consumed by it.
    """

    kind: str
    functions: tuple[int, ...] = (0,)
    keywords: tuple[str, ...] = ("f", "fun")
    repeats: bool = False
    wraps: bool = True
    abstract: bool = False


_JIT = Transform("jit")
_PMAP = Transform("jit", repeats=True)
_GRAD = Transform("grad")
_VMAP = Transform("vmap", repeats=True)
_WHOLE = Transform("jit", keywords=("f", "fun", "func"))

TRANSFORMS: dict[str, Transform] = {
    "jax.jit": _JIT,
    "jax.experimental.pjit.pjit": _JIT,
    "flax.nnx.jit": _JIT,
    "flax.nnx.jit_partial": _JIT,
    "equinox.filter_jit": Transform("filter"),
    "jax.pmap": _PMAP,
    "flax.nnx.pmap": _PMAP,
    "equinox.filter_pmap": Transform("filter", repeats=True),
    "jax.grad": _GRAD,
    "jax.value_and_grad": _GRAD,
    "jax.jacfwd": _GRAD,
    "jax.jacrev": _GRAD,
    "jax.jacobian": _GRAD,
    "jax.hessian": _GRAD,
    "flax.nnx.grad": _GRAD,
    "flax.nnx.value_and_grad": _GRAD,
    "equinox.filter_grad": Transform("filter"),
    "equinox.filter_value_and_grad": Transform("filter"),
    "jax.vmap": _VMAP,
    "flax.nnx.vmap": _VMAP,
    "equinox.filter_vmap": Transform("filter", repeats=True),
    "jax.checkpoint": _WHOLE,
    "flax.nnx.remat": _WHOLE,
    "flax.nnx.checkpoint": _WHOLE,
    "jax.shard_map": Transform("jit"),
    "flax.nnx.shard_map": Transform("jit"),
    "flax.nnx.scan": Transform("body", repeats=True),
    "jax.linearize": Transform("grad", wraps=False),
    "jax.vjp": Transform("all", wraps=False),
    "jax.jvp": Transform("all", wraps=False),
    "jax.eval_shape": Transform("jit", wraps=False, abstract=True),
    "flax.nnx.eval_shape": Transform("jit", wraps=False, abstract=True),
    "jax.make_jaxpr": Transform("jit", abstract=True),
    "jax.lax.scan": Transform("body", (0,), ("f",), repeats=True, wraps=False),
    "jax.lax.map": Transform("body", (0,), ("f",), repeats=True, wraps=False),
    "jax.lax.associative_scan": Transform("body", (0,), ("fn",), repeats=True, wraps=False),
    "jax.lax.fori_loop": Transform("body", (2,), ("body_fun",), repeats=True, wraps=False),
    "jax.lax.while_loop": Transform(
        "body", (0, 1), ("cond_fun", "body_fun"), repeats=True, wraps=False
    ),
    "jax.lax.cond": Transform("body", (1, 2), ("true_fun", "false_fun"), wraps=False),
    "jax.lax.switch": Transform("body", (1,), ("branches",), wraps=False),
    "flax.nnx.fori_loop": Transform("body", (2,), ("body_fun",), repeats=True, wraps=False),
    "flax.nnx.while_loop": Transform(
        "body", (0, 1), ("cond_fun", "body_fun"), repeats=True, wraps=False
    ),
    "flax.nnx.cond": Transform("body", (1, 2), ("true_fun", "false_fun"), wraps=False),
    "flax.nnx.switch": Transform("body", (1,), ("branches",), wraps=False),
}

PARTIAL = frozenset({"functools.partial", "jax.tree_util.Partial", "jax.util.partial"})
