"""Products that obey the precision policy, forward and backward."""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .precision import Precision
from .shapes import AnyArray


def contract(
    spec: str, left: AnyArray, right: AnyArray, precision: Precision, *, accumulator: bool = False
) -> AnyArray:
    """Einsum of two operands in the compute dtype with float32 accumulation.

    The automatic derivative of such a product multiplies a float32 cotangent by a bfloat16
    operand, which runs at float32 speed. Here the two products of the backward pass get
    bfloat16 operands and float32 accumulation as well. Derivatives in forward mode (`jax.jvp`)
    are not defined.

    Args:
        spec: An explicit einsum, two operands, one letter an axis, such as ``"bsi,io->bso"``. Every
            letter stands in at least two of the three terms.
        left: First operand, shape as in `spec`.
        right: Second operand, shape as in `spec`.
        precision: The policy.
        accumulator: Return the float32 accumulator itself (for logits and attention scores)
            rather than rounding it to the compute dtype.

    Returns:
        The product, shape as in `spec`.

    Raises:
        ValueError: `spec` is not of that form.
    """
    left = left.astype(precision.compute_dtype)
    right = right.astype(precision.compute_dtype)
    product: Array = _product(spec, precision, left, right)
    return product if accumulator else product.astype(precision.compute_dtype)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _product(spec: str, precision: Precision, left: AnyArray, right: AnyArray) -> AnyArray:
    _backward_specs(spec)
    dot, accumulator = precision.dot_precision, precision.accumulator_dtype
    return jnp.einsum(spec, left, right, precision=dot, preferred_element_type=accumulator)


def _forward(spec, precision, left, right):
    return _product(spec, precision, left, right), (left, right)


def _backward(spec, precision, operands, cotangent):
    left, right = operands
    to_left, to_right = _backward_specs(spec)
    cotangent = cotangent.astype(precision.compute_dtype)
    d_left: Array = _product(to_left, precision, cotangent, right)
    d_right: Array = _product(to_right, precision, left, cotangent)
    return d_left.astype(left.dtype), d_right.astype(right.dtype)


_product.defvjp(_forward, _backward)


@lru_cache
def _backward_specs(spec: str) -> tuple[str, str]:
    """Einsums of the derivative with respect to either operand."""
    operands, arrow, out = spec.partition("->")
    left, comma, right = operands.partition(",")
    terms = (left, right, out)
    plain = all(term.isalpha() and len(set(term)) == len(term) for term in terms if term)
    shared = all(sum(letter in term for term in terms) >= 2 for letter in "".join(terms))
    if not (arrow and comma and plain and shared):
        raise ValueError(
            f"contract cannot take {spec!r}: it needs two operands and an explicit result, such "
            "as 'bsi,io->bso', each letter once a term and in at least two terms"
        )
    return f"{out},{right}->{left}", f"{left},{out}->{right}"


def lookup(
    table: Float[Array, "vocab_size d_model"], tokens: Int[Array, "batch seq_len"]
) -> Float[Array, "batch seq_len d_model"]:
    """Rows of an embedding table, whose gradient is summed in float32.

    A plain index would add up the gradient of a frequent token in the table's own dtype, where
    in bfloat16 the sum stops growing at 256 equal terms.
    """
    return table.astype(jnp.float32)[tokens].astype(table.dtype)
