"""The network: shapes, tables of every make-up, and switches that must not change results."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from .project import model, numerics

FLOAT32 = numerics.precision.FLOAT32
BFLOAT16 = numerics.precision.Precision()
SETTINGS = model.TableNetworkSettings(
    d_model=16,
    num_layers=2,
    d_ff=32,
    d_embedding=4,
    num_numbers=5,
    num_missing=2,
    category_sizes=(4, 3),
    num_outputs=3,
)
BATCH = 6


def build(precision=FLOAT32, **changes):
    settings = SETTINGS.model_copy(update=changes)
    return settings.build(rngs=nnx.Rngs(0), precision=precision)


def inputs(settings=SETTINGS, seed=0):
    key, other = jax.random.split(jax.random.key(seed))
    sizes = np.array(settings.category_sizes, np.int32)
    numbers = jax.random.normal(key, (BATCH, settings.num_numbers))
    missing = jnp.zeros((BATCH, settings.num_missing))
    categories = jax.random.randint(other, (BATCH, len(sizes)), 0, 100) % sizes[None, :]
    return numbers, missing, categories


@nnx.jit
def run(network, numbers, missing, categories, key=None):
    return network(numbers, missing, categories, key=key)


def test_shapes_and_dtypes():
    network = build(BFLOAT16)
    outputs = run(network, *inputs())
    assert outputs.shape == (BATCH, 3) and outputs.dtype == jnp.float32
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(nnx.state(network, nnx.Param))}
    assert dtypes == {jnp.dtype("bfloat16")}


@pytest.mark.parametrize(
    "changes",
    [
        {"category_sizes": ()},
        {"num_numbers": 0, "num_missing": 0},
        {"num_outputs": 1},
        {"category_sizes": (1, 9), "num_missing": 0},
    ],
    ids=["numbers alone", "categories alone", "a number to predict", "a category of one value"],
)
def test_every_kind_of_table(changes):
    settings = SETTINGS.model_copy(update=changes)
    network = build(**changes)
    outputs = run(network, *inputs(settings))
    assert outputs.shape == (BATCH, settings.num_outputs)
    assert len(np.unique(outputs)) > outputs.size // 2  # rows differ, and so do outputs


def test_sizes_must_be_known():
    with pytest.raises(ValueError, match="sizes follow from the data"):
        model.TableNetworkSettings().build(rngs=nnx.Rngs(0), precision=FLOAT32)


def test_sizes_follow_from_the_data():
    encoding = {
        "numbers": [
            {"name": "a", "kind": "number"},
            {"name": "b", "kind": "date", "missing": 7},
        ],
        "categories": [{"name": "c", "values": ["x", None, "y"]}],
        "ignored": ["d"],
        "target": {"name": "t", "task": "regression"},
    }
    settings = model.TableNetworkSettings().fitted({"encoding": encoding})
    assert (settings.num_numbers, settings.num_missing) == (2, 1)
    assert (settings.category_sizes, settings.num_outputs) == ((4,), 1)


def test_wrong_shape_is_refused_at_trace_time():
    numbers, missing, categories = inputs()
    with pytest.raises(Exception, match="Type-check error"):
        jax.eval_shape(build(), numbers, missing[:-1], categories)


def test_rows_do_not_see_each_other():
    network, (numbers, missing, categories) = build(), inputs()
    before = run(network, numbers, missing, categories)
    changed = run(network, numbers.at[2].add(1.0), missing, categories)
    unlike = np.any(np.asarray(before != changed), axis=1)
    assert unlike.tolist() == [row == 2 for row in range(BATCH)]


def test_each_column_and_each_value_matters():
    network, (numbers, missing, categories) = build(), inputs()
    before = run(network, numbers, missing, categories)
    for column in range(5):
        assert jnp.all(before != run(network, numbers.at[:, column].add(1.0), missing, categories))
    for column in range(2):
        assert jnp.all(before != run(network, numbers, missing.at[:, column].set(1.0), categories))
    for column, size in enumerate(SETTINGS.category_sizes):
        values = (categories[:, column] + 1) % size
        changed = run(network, numbers, missing, categories.at[:, column].set(values))
        assert jnp.all(before != changed)


def test_an_unknown_value_says_nothing_before_training():
    table = build().embedding.table[...]
    assert table.shape == (4 + 3, 4)
    zero = np.all(np.asarray(table) == 0, axis=1)
    assert np.flatnonzero(zero).tolist() == [0, 4]


def test_the_network_begins_close_to_nothing():
    assert float(jnp.abs(run(build(), *inputs())).max()) < 1.0


def test_dropout_follows_its_key():
    network = build(dropout=0.5)
    key, other = jax.random.split(jax.random.key(1))
    keys = (jax.random.clone(key), key, other)
    first, again, different = (run(network, *inputs(), key=each) for each in keys)
    np.testing.assert_array_equal(first, again)
    assert jnp.any(first != different)
    np.testing.assert_array_equal(run(network, *inputs()), run(build(), *inputs()))


def test_bfloat16_stays_close_to_float32():
    exact, rounded = build(), build(BFLOAT16)
    difference = jnp.abs(run(exact, *inputs()) - run(rounded, *inputs()))
    assert 0 < float(jnp.max(difference)) < 0.02


def test_vectorised_network_equals_a_loop():
    graphdef, params = nnx.split(build())
    pairs = zip(inputs(seed=0), inputs(seed=1), strict=True)
    stacked = [jnp.stack(pair) for pair in pairs]

    def apply(*arrays):
        return nnx.merge(graphdef, params)(*arrays)

    mapped = jax.jit(jax.vmap(apply))(*stacked)
    for number in range(2):
        alone = jax.jit(apply)(*(array[number] for array in stacked))
        np.testing.assert_allclose(mapped[number], alone, rtol=1e-4, atol=1e-5)
