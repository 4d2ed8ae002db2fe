"""Convolutions that obey the precision policy, forward and backward."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .precision import Precision

Images = Float[Array, "batch height width c_in"]
Kernel = Float[Array, "kh kw c_in c_out"]
Features = Float[Array, "batch _ _ c_out"]
Padding = int | None


def convolve(
    x: Images, kernel: Kernel, precision: Precision, *, stride: int = 1, padding: Padding = None
) -> Features:
    """Convolution in the compute dtype with float32 accumulation.

    Unless `padding` says otherwise, zeros around the image let every output stand over an input
    ("same" padding): the result has ceil(height / stride) rows and ceil(width / stride) columns.

    As with `contract`, the two convolutions of the backward pass get bfloat16 operands and float32
    accumulation as well, where the automatic derivative would mix in a float32 cotangent.
    Derivatives in forward mode (`jax.jvp`) are not defined.

    Args:
        x: Images, channels last.
        kernel: The weights.
        precision: The policy.
        stride: Pixels from one output to the next, along both axes.
        padding: Zeros on each side of the image.

    Returns:
        The result in the compute dtype.
    """
    x = x.astype(precision.compute_dtype)
    kernel = kernel.astype(precision.compute_dtype)
    features: Array = _convolution(stride, padding, precision, x, kernel)
    return features.astype(precision.compute_dtype)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _convolution(
    stride: int, padding: Padding, precision: Precision, x: Images, kernel: Kernel
) -> Features:
    layouts = ("NHWC", "HWIO", "NHWC")
    around = "SAME" if padding is None else [(padding, padding)] * 2
    return _general(x, kernel, precision, layouts, (stride, stride), padding=around)


def _forward(stride, padding, precision, x, kernel):
    return _convolution(stride, padding, precision, x, kernel), (x, kernel)


def _backward(stride, padding, precision, operands, cotangent):
    x, kernel = operands
    cotangent = cotangent.astype(precision.compute_dtype)
    strides, to_x, to_kernel = (stride, stride), [], []
    around = jax.lax.padtype_to_pads(x.shape[1:3], kernel.shape[:2], strides, "SAME")
    for axis, (same, _) in enumerate(around):
        before = same if padding is None else padding
        size, width = x.shape[1 + axis], kernel.shape[axis]
        spread = (cotangent.shape[1 + axis] - 1) * stride + 1  # with stride - 1 zeros in between
        to_x.append((width - 1 - before, size - spread + before))
        to_kernel.append((before, width - 1 + spread - size - before))
    # Every pixel collects what the outputs over it say: a convolution with the turned kernel.
    d_x = _general(
        cotangent,
        jnp.flip(kernel, (0, 1)),
        precision,
        ("NHWC", "HWOI", "NHWC"),
        padding=to_x,
        lhs_dilation=strides,
    )
    # Every weight correlates the images with the cotangent: examples are summed as channels are.
    d_kernel = _general(
        x,
        cotangent,
        precision,
        ("CHWN", "IHWO", "HWNC"),
        padding=to_kernel,
        rhs_dilation=strides,
    )
    return d_x.astype(x.dtype), d_kernel.astype(kernel.dtype)


_convolution.defvjp(_forward, _backward)


def _general(
    left: Float[Array, "..."],
    right: Float[Array, "..."],
    precision: Precision,
    layouts: tuple[str, str, str],
    strides: tuple[int, int] = (1, 1),
    **options: Any,
) -> Float[Array, "..."]:
    return jax.lax.conv_general_dilated(
        left,
        right,
        strides,
        dimension_numbers=layouts,
        precision=precision.dot_precision,
        preferred_element_type=precision.accumulator_dtype,
        **options,
    )
