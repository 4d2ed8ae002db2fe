"""Convolutions under the precision policy, against JAX's own and its derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from .project import numerics

convolve = numerics.convolution.convolve
BFLOAT16, FLOAT32 = numerics.precision.Precision(), numerics.precision.FLOAT32

# Height and width of the images, rows and columns of the kernel, stride, zeros on each side.
CASES = [
    (8, 8, 3, 3, 1, None),
    (8, 8, 3, 3, 2, None),
    (7, 5, 3, 3, 2, None),
    (9, 6, 5, 3, 4, None),
    (8, 8, 1, 1, 2, None),
    (6, 7, 2, 4, 1, None),
    (3, 3, 5, 5, 2, None),
    (5, 8, 2, 2, 3, None),
    (8, 8, 3, 3, 2, 1),
    (9, 8, 7, 7, 2, 3),
    (8, 7, 1, 1, 2, 0),
    (8, 9, 3, 3, 3, 2),
    (9, 8, 3, 3, 4, 0),
]


def operands(height, width, kh, kw):
    image_key, kernel_key = jax.random.split(jax.random.key(0))
    images = jax.random.normal(image_key, (2, height, width, 3))
    return images, jax.random.normal(kernel_key, (kh, kw, 3, 4))


def reference(images, kernel, stride, padding):
    return jax.lax.conv_general_dilated(
        images,
        kernel,
        (stride, stride),
        "SAME" if padding is None else [(padding, padding)] * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision="highest",
    )


@pytest.mark.parametrize(("height", "width", "kh", "kw", "stride", "padding"), CASES)
def test_convolution_and_its_derivatives_equal_those_of_jax(height, width, kh, kw, stride, padding):
    pair = operands(height, width, kh, kw)

    def ours(images, kernel):
        features = convolve(images, kernel, FLOAT32, stride=stride, padding=padding)
        return jnp.sum(jnp.sin(features)), features

    def theirs(images, kernel):
        features = reference(images, kernel, stride, padding)
        return jnp.sum(jnp.sin(features)), features

    results = [jax.jit(jax.grad(f, (0, 1), has_aux=True))(*pair) for f in (ours, theirs)]
    if padding is None:
        assert results[0][1].shape == (2, -(-height // stride), -(-width // stride), 4)
    jax.tree.map(
        lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5), *results
    )


@pytest.mark.parametrize("stride", [1, 2])
def test_forward_and_backward_run_in_bfloat16_and_accumulate_in_float32(stride):
    images, kernel = (each.astype(jnp.bfloat16) for each in operands(8, 8, 3, 3))

    def total(images, kernel):
        features = convolve(images, kernel, BFLOAT16, stride=stride)
        assert features.dtype == jnp.bfloat16
        return jnp.sum(features.astype(jnp.float32))

    gradients = jax.jit(jax.grad(total, (0, 1)))
    for gradient in gradients(images, kernel):
        assert gradient.dtype == jnp.bfloat16
        assert jnp.all(jnp.isfinite(gradient))
    found = str(jax.make_jaxpr(gradients)(images, kernel))
    assert found.count("conv_general_dilated[") == found.count("preferred_element_type=float32")


def test_sums_are_float32():
    pixels = jnp.ones((1, 1, 1, 4096), jnp.bfloat16)
    weights = jnp.full((1, 1, 4096, 1), 2.0**-9, jnp.bfloat16).at[0, 0, 0, 0].set(256)
    exact = 256 + 4095 * 2.0**-9  # a sum in bfloat16 would stay at 256
    found = convolve(pixels, weights, BFLOAT16)
    np.testing.assert_allclose(found[0, 0, 0, 0].astype(jnp.float32), exact, rtol=2**-8)
    assert found[0, 0, 0, 0] > 256


def test_channels_that_do_not_fit_are_refused():
    images, kernel = operands(8, 8, 3, 3)
    with pytest.raises(Exception, match="Type-check error"):
        convolve(images[..., :2], kernel, FLOAT32)


def test_a_batch_of_unknown_size_can_be_exported():
    (batch,) = jax.export.symbolic_shape("batch")
    images, kernel = operands(8, 8, 3, 3)
    spec = jax.ShapeDtypeStruct((batch, *images.shape[1:]), images.dtype)
    function = jax.jit(lambda images: convolve(images, kernel, FLOAT32, stride=2))
    exported = jax.export.export(function)(spec)
    np.testing.assert_allclose(exported.call(images), function(images), rtol=1e-6)
