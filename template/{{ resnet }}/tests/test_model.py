"""The residual network: shapes, what norms remember, and settings that are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from .project import errors, model, numerics, training

FLOAT32 = numerics.precision.FLOAT32
BFLOAT16 = numerics.precision.Precision()
SETTINGS = model.ResNetSettings(image_shape=(8, 8, 3), num_classes=5, widths=(8, 12), depths=(1, 2))


def build(precision=FLOAT32, **changes):
    settings = SETTINGS.model_copy(update=changes)
    return settings.build(rngs=nnx.Rngs(0), precision=precision)


def images(batch=4, height=8, width=8, channels=3, seed=0):
    return jax.random.normal(jax.random.key(seed), (batch, height, width, channels))


def evaluating(network):
    return nnx.view(network, use_running_average=True, raise_if_not_found=False)


@nnx.jit
def run(network, images, key=None):
    return network(images, key=key)


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_shapes_and_dtypes(norm):
    network = build(BFLOAT16, norm=norm)
    logits = jax.eval_shape(evaluating(network), images())
    assert logits.shape == (4, 5)
    assert logits.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(nnx.state(network, nnx.Param))} == {
        jnp.dtype("bfloat16")
    }
    remembered = jax.tree.leaves(nnx.state(network, nnx.BatchStat))
    assert {leaf.dtype for leaf in remembered} == (
        {jnp.dtype("float32")} if norm == "batch" else set()
    )
    # The stem, in each of three blocks two convolutions, two shortcuts where nothing can be added.
    kernels = [leaf for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)) if leaf.ndim == 4]
    assert len(kernels) == 1 + 2 * 3
    assert [block.shortcut is None for block in network.blocks] == [True, False, True]


def test_compiling_the_evaluation_changes_nothing():
    network = evaluating(build(BFLOAT16, image_shape=(8, 8, 1), widths=(16, 32), depths=(1, 1)))
    batch = images(batch=64, channels=1)
    np.testing.assert_allclose(run(network, batch), network(batch), atol=0.05)


def test_channels_first_is_refused():
    with pytest.raises(AssertionError, match="assert_shape"):
        jax.eval_shape(build(), images(height=3, channels=8))


def test_images_of_any_size_are_taken():
    network = evaluating(build(stem_stride=2))
    assert run(network, images(height=13, width=10)).shape == (4, 5)


def test_running_averages_change_in_training_and_not_in_evaluation():
    network = build()
    before = jax.device_get(nnx.to_pure_dict(nnx.state(network, nnx.BatchStat)))
    run(evaluating(network), images())
    jax.tree.map(
        np.testing.assert_array_equal, before, nnx.to_pure_dict(nnx.state(network, nnx.BatchStat))
    )
    run(network, images())
    after = jax.device_get(nnx.to_pure_dict(nnx.state(network, nnx.BatchStat)))
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: np.any(a != b), before, after)))
    assert jnp.any(run(evaluating(network), images()) != run(network, images()))


def test_running_averages_go_to_the_statistics_of_the_data():
    norm = model.NORMS["batch"](3, precision=FLOAT32)
    x = 2 * images(batch=64) + 3
    apply = nnx.jit(lambda norm, x: norm(x))
    normed = apply(norm, x)
    for _ in range(99):
        apply(norm, x)
    np.testing.assert_allclose(normed.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(normed.var((0, 1, 2)), 1, atol=1e-4)
    np.testing.assert_allclose(norm.mean[...], x.mean((0, 1, 2)), rtol=1e-3)
    np.testing.assert_allclose(norm.var[...], x.var((0, 1, 2)), rtol=1e-3)
    np.testing.assert_allclose(nnx.view(norm, use_running_average=True)(x), normed, atol=1e-2)


@pytest.mark.parametrize(("channels", "groups"), [(8, 1), (32, 2), (12, 3)])
def test_group_norm_norms_each_group_of_an_image(channels, groups):
    norm = model.NORMS["group"](channels, precision=FLOAT32)
    normed = norm(5 * images(channels=channels) + 1)
    parts = normed.reshape(4, 64, groups, -1)
    np.testing.assert_allclose(parts.mean((1, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(parts.var((1, 3)), 1, atol=1e-3)


def test_in_evaluation_images_do_not_see_each_other():
    for norm in ("batch", "group"):
        network = evaluating(build(norm=norm))
        together = run(network, images())
        alone = jnp.concatenate([run(network, images()[at : at + 1]) for at in range(4)])
        np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


def test_dropout_follows_its_key():
    network = build(dropout=0.5, norm="group")
    key, other = jax.random.split(jax.random.key(1))
    first, again, different = (
        run(network, images(), key=each) for each in (jax.random.clone(key), key, other)
    )
    np.testing.assert_array_equal(first, again)
    assert jnp.any(first != different)
    np.testing.assert_array_equal(
        run(network, images()), run(build(norm="group"), images(), key=jax.random.key(2))
    )


def test_bfloat16_stays_close_to_float32():
    exact, rounded = (run(evaluating(build(each)), images()) for each in (FLOAT32, BFLOAT16))
    assert 0 < float(jnp.max(jnp.abs(exact - rounded))) < 0.1


def test_vectorised_model_equals_a_loop():
    graphdef, state = nnx.split(evaluating(build()))
    stacked = jnp.stack([images(seed=0), images(seed=1)])
    apply = jax.jit(lambda images: nnx.merge(graphdef, state)(images))
    mapped = jax.jit(jax.vmap(apply))(stacked)
    for number in range(2):
        np.testing.assert_allclose(mapped[number], apply(stacked[number]), rtol=1e-4, atol=1e-5)


def test_settings_follow_the_data():
    info = {"kind": "image", "shape": [16, 8, 1], "classes": ["a", "b", "c"]}
    fitted = model.ResNetSettings().fitted(info)
    assert (fitted.image_shape, fitted.num_classes) == ((16, 8, 1), 3)
    with pytest.raises(errors.UserError, match="num_classes follows from the images"):
        model.ResNetSettings().build(rngs=nnx.Rngs(0), precision=FLOAT32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": (8, 16), "depths": (1,)}, "depths: 1 stages do not fit the 2 of widths"),
        ({"widths": (), "depths": ()}, "depths: 0 stages"),
        ({"widths": (8, 0), "depths": (1, 1)}, r"widths\.1\n.*greater than or equal to 1"),
    ],
)
def test_impossible_stages_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        model.ResNetSettings(**changes)


def test_weights_of_other_classes_get_a_new_head():
    weights, like = (nnx.to_pure_dict(nnx.state(build(num_classes=n))) for n in (5, 3))
    found, notes = SETTINGS.adapted(weights, like)
    assert found["head"].shape == (12, 3) and not jnp.any(found["head"])
    assert notes == ["its head for 5 classes is replaced by a new one for 3"]
    assert found["stem"] is weights["stem"]
    assert SETTINGS.adapted(weights, weights).weights is weights


def test_the_head_is_all_that_lies_beside_the_layers():
    patterns = (*(pattern for part in SETTINGS.parts for pattern in part), *SETTINGS.above)
    groups = {"layers": training.groups.Group(patterns=patterns)}
    assert set(training.groups.members(build(), groups)[None]) == {"head", "bias"}
