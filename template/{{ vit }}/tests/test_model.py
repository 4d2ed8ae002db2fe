"""The vision transformer: shapes, patches, and switches that must not change results."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from .project import errors, model, numerics, training

FLOAT32 = numerics.precision.FLOAT32
BFLOAT16 = numerics.precision.Precision()
SETTINGS = model.ViTSettings(
    image_shape=(8, 12, 3),
    num_classes=5,
    patch=4,
    d_model=32,
    num_layers=3,
    num_heads=2,
    d_ff=48,
    unroll_layers=True,
)


def build(precision=FLOAT32, **changes):
    settings = SETTINGS.model_copy(update=changes)
    return settings.build(rngs=nnx.Rngs(0), precision=precision)


def images(batch=4, seed=0):
    return jax.random.normal(jax.random.key(seed), (batch, 8, 12, 3))


@nnx.jit
def run(network, images, key=None):
    return network(images, key=key)


def logits_and_gradients(network):
    graphdef, params = nnx.split(network)

    def total(params):
        logits = nnx.merge(graphdef, params)(images())
        return jnp.mean(jnp.square(logits)), logits

    gradients, logits = jax.jit(jax.grad(total, has_aux=True))(params)
    return logits, jax.tree.leaves(gradients)


def equal(one, other):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), one, other)


def test_shapes_and_dtypes():
    network = build(BFLOAT16)
    logits = run(network, images())
    assert logits.shape == (4, 5)
    assert logits.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(nnx.state(network))} == {jnp.dtype("bfloat16")}


def test_other_images_than_the_datas_are_refused():
    for shape in ((4, 3, 8, 12), (4, 12, 8, 3), (4, 8, 12, 1)):
        with pytest.raises(AssertionError, match="assert_shape"):
            jax.eval_shape(build(), jnp.zeros(shape))


@pytest.mark.parametrize(
    ("height", "width", "patch"),
    [(8, 8, 2), (64, 64, 16), (64, 48, 8), (224, 224, 16), (30, 41, 1), (3, 3, 1)],
)
def test_a_patch_that_is_not_given_follows_from_the_images(height, width, patch):
    changes = {"patch": None, "image_shape": (height, width, 3)}
    assert SETTINGS.model_copy(update=changes).known_patch() == patch


def test_patches_are_squares_in_reading_order():
    pixels = jnp.arange(2 * 4 * 6 * 3, dtype=jnp.float32).reshape(2, 4, 6, 3)
    patches = model.patchify(pixels, 2)
    assert patches.shape == (2, 6, 12)
    for number in range(6):
        row, column = divmod(number, 3)
        square = pixels[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        np.testing.assert_array_equal(patches[:, number], square.reshape(2, 12))


def test_the_order_of_patches_matters_through_their_positions_alone():
    network = build()
    turned = images()[:, ::-1]  # not only patches change places: pixels in them do, too
    swapped = jnp.roll(images(), 4, axis=1)  # two rows of patches change places
    before = run(network, images())
    assert jnp.any(jnp.abs(run(network, turned) - before) > 1e-3)
    assert jnp.any(jnp.abs(run(network, swapped) - before) > 1e-3)
    network.positions[...] = jnp.zeros_like(network.positions[...])
    before = run(network, images())
    np.testing.assert_allclose(run(network, swapped), before, rtol=1e-4, atol=1e-5)
    assert jnp.any(jnp.abs(run(network, turned) - before) > 1e-3)


def test_images_do_not_see_each_other():
    network = build()
    together = run(network, images())
    alone = jnp.concatenate([run(network, images()[at : at + 1]) for at in range(4)])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


def test_scanned_layers_equal_unrolled_layers():
    equal(*(logits_and_gradients(build(unroll_layers=each)) for each in (False, True)))


@pytest.mark.parametrize("remat", ["dots", "full"])
def test_rematerialisation_changes_nothing(remat):
    equal(logits_and_gradients(build()), logits_and_gradients(build(remat=remat)))


def test_dropout_follows_its_key():
    network = build(dropout=0.5)
    key, other = jax.random.split(jax.random.key(1))
    first, again, different = (
        run(network, images(), key=each) for each in (jax.random.clone(key), key, other)
    )
    np.testing.assert_array_equal(first, again)
    assert jnp.any(first != different)
    np.testing.assert_array_equal(run(network, images()), run(build(), images()))


def test_bfloat16_stays_close_to_float32():
    exact, rounded = (run(build(each), images()) for each in (FLOAT32, BFLOAT16))
    assert 0 < float(jnp.max(jnp.abs(exact - rounded))) < 0.1


def test_vectorised_model_equals_a_loop():
    graphdef, params = nnx.split(build())
    stacked = jnp.stack([images(seed=0), images(seed=1)])
    apply = jax.jit(lambda images: nnx.merge(graphdef, params)(images))
    mapped = jax.jit(jax.vmap(apply))(stacked)
    for number in range(2):
        np.testing.assert_allclose(mapped[number], apply(stacked[number]), rtol=1e-4, atol=1e-5)


def test_settings_follow_the_data():
    info = {"kind": "image", "shape": [16, 8, 1], "classes": ["a", "b", "c"]}
    fitted = model.ViTSettings().fitted(info)
    assert (fitted.image_shape, fitted.num_classes) == ((16, 8, 1), 3)
    with pytest.raises(errors.UserError, match="num_classes follows from the images"):
        model.ViTSettings().build(rngs=nnx.Rngs(0), precision=FLOAT32)
    with pytest.raises(errors.UserError, match=r"model.patch: 3 does not divide images of 16 by 8"):
        model.ViTSettings(patch=3).fitted(info).build(rngs=nnx.Rngs(0), precision=FLOAT32)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="num_heads: 5 heads do not divide d_model=32"):
        model.ViTSettings(d_model=32, num_heads=5)


def test_weights_of_other_classes_and_other_images_are_fitted():
    sizes = {"image_shape": (16, 16, 3), "num_classes": 7}
    weights, like = (nnx.to_pure_dict(nnx.state(build(**each))) for each in (sizes, {}))
    found, notes = SETTINGS.adapted(weights, like)
    assert found["positions"].shape == (6, 32) and found["head"].shape == (32, 5)
    assert notes == [
        "its positions of 4 by 4 patches are interpolated to 2 by 3",
        "its head for 7 classes is replaced by a new one for 5",
    ]


def test_the_head_is_all_that_lies_beside_the_layers():
    patterns = (*(pattern for part in SETTINGS.parts for pattern in part), *SETTINGS.above)
    groups = {"layers": training.groups.Group(patterns=patterns)}
    assert set(training.groups.members(build(), groups)[None]) == {"head", "bias"}
