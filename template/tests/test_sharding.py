"""The mesh changes where numbers lie, never what they are."""

import jax
import numpy as np
import pytest

from . import tiny, tiny_task
from .project import errors

FLOAT32 = ("precision.param_dtype=float32", "precision.compute_dtype=float32")
STEPS = 10


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tiny.prepare(tmp_path_factory.mktemp("data"))


def sharded(data, model, columns, fsdp=False):
    """The state after ten steps on a mesh, and the losses on the way."""
    experiment = tiny.make(
        data,
        *FLOAT32,
        *tiny_task.SHARDING,
        f"mesh.model={model}",
        f"mesh.data={columns}",
        f"mesh.fsdp={fsdp}",
    )
    state, history = tiny.run_steps(experiment, tiny.make_mesh(model, columns, fsdp), STEPS)
    return state, [each["loss"] for each in history]


@pytest.fixture(scope="module")
def alone(data):
    return sharded(data, 1, 1)[1]


@pytest.mark.parametrize(
    ("model", "columns", "fsdp"), [(1, 8, False), (2, 4, False), (8, 1, False), (2, 4, True)]
)
def test_every_mesh_gives_the_same_losses_and_shards_as_the_table_says(
    data, alone, model, columns, fsdp
):
    state, losses = sharded(data, model, columns, fsdp)
    assert np.mean(losses[STEPS // 2 :]) < np.mean(losses[: STEPS // 2])
    np.testing.assert_allclose(losses, alone, rtol=1e-5)

    parts = {None: 1, "model": model, "data": columns if fsdp else 1}
    for path, axes in tiny_task.SHARDS.items():
        weight = tiny.parameter(state, path)
        assert len(axes) == weight.ndim, path
        expected = tuple(size // parts[axis] for size, axis in zip(weight.shape, axes, strict=True))
        assert weight.addressable_shards[0].data.shape == expected, path
    for leaf in jax.tree.leaves(state.params):
        assert len({shard.device for shard in leaf.addressable_shards}) == model * columns

    moments = next(part for part in state.opt_state if hasattr(part, "mu")).mu
    for weight, moment in zip(jax.tree.leaves(state.params), jax.tree.leaves(moments), strict=True):
        assert moment.sharding == weight.sharding


def test_a_batch_that_does_not_divide_is_named(data):
    experiment = tiny.make(data, "data.batch_size=6")
    with pytest.raises(errors.UserError, match=r"data.batch_size: .* 6 examples .* 8 devices"):
        experiment.make_mesh()
