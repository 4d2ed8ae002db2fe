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
        wraps: Whether it returns a function, so that it can be a decorator.
        abstract: Whether it runs nothing: keys are not consumed by it.
    """

    kind: str
    functions: tuple[int, ...] = (0,)
    keywords: tuple[str, ...] = ("f", "fun")
    wraps: bool = True
    abstract: bool = False


_JIT = Transform("jit")
_GRAD = Transform("grad")
_VMAP = Transform("vmap")
_FILTER = Transform("filter")
_WHOLE = Transform("jit", keywords=("f", "fun", "func"))
_UPDATE = Transform("body", (1,), ("update",), wraps=False)

TRANSFORMS: dict[str, Transform] = {
    "jax.jit": _JIT,
    "jax.experimental.pjit.pjit": _JIT,
    "flax.nnx.jit": _JIT,
    "flax.nnx.jit_partial": _JIT,
    "equinox.filter_jit": _FILTER,
    "jax.pmap": _JIT,
    "flax.nnx.pmap": _JIT,
    "equinox.filter_pmap": _FILTER,
    "jax.grad": _GRAD,
    "jax.value_and_grad": _GRAD,
    "jax.jacfwd": _GRAD,
    "jax.jacrev": _GRAD,
    "jax.jacobian": _GRAD,
    "jax.hessian": _GRAD,
    "flax.nnx.grad": _GRAD,
    "flax.nnx.value_and_grad": _GRAD,
    "equinox.filter_grad": _FILTER,
    "equinox.filter_value_and_grad": _FILTER,
    "jax.vmap": _VMAP,
    "flax.nnx.vmap": _VMAP,
    "equinox.filter_vmap": _FILTER,
    "jax.checkpoint": _WHOLE,
    "flax.nnx.remat": _WHOLE,
    "flax.nnx.checkpoint": _WHOLE,
    "jax.shard_map": Transform("jit"),
    "flax.nnx.shard_map": Transform("jit"),
    "flax.nnx.scan": Transform("body"),
    "jax.linearize": Transform("grad", wraps=False),
    "jax.vjp": Transform("all", wraps=False),
    "jax.jvp": Transform("all", wraps=False),
    "jax.eval_shape": Transform("jit", wraps=False, abstract=True),
    "flax.nnx.eval_shape": Transform("jit", wraps=False, abstract=True),
    "jax.make_jaxpr": Transform("jit", abstract=True),
    "jax.lax.scan": Transform("body", (0,), ("f",), wraps=False),
    "jax.lax.map": Transform("body", (0,), ("f",), wraps=False),
    "jax.lax.associative_scan": Transform("body", (0,), ("fn",), wraps=False),
    "jax.lax.fori_loop": Transform("body", (2,), ("body_fun",), wraps=False),
    "jax.lax.while_loop": Transform("body", (0, 1), ("cond_fun", "body_fun"), wraps=False),
    "jax.lax.cond": Transform("body", (1, 2), ("true_fun", "false_fun"), wraps=False),
    "jax.lax.switch": Transform("body", (1,), ("branches",), wraps=False),
    "flax.nnx.fori_loop": Transform("body", (2,), ("body_fun",), wraps=False),
    "flax.nnx.while_loop": Transform("body", (0, 1), ("cond_fun", "body_fun"), wraps=False),
    "flax.nnx.cond": Transform("body", (1, 2), ("true_fun", "false_fun"), wraps=False),
    "flax.nnx.switch": Transform("body", (1,), ("branches",), wraps=False),
    # Not JAX's, but what they are given is called where a training step is traced.
    "optax.GradientTransformation": _UPDATE,
    "optax.GradientTransformationExtraArgs": _UPDATE,
}

PARTIAL = frozenset({"functools.partial", "jax.tree_util.Partial", "jax.util.partial"})
