"""The mesh and what it refuses."""

import jax
import jax.numpy as jnp
import pytest
from flax import nnx
from jax.sharding import AxisType, PartitionSpec

from .project import errors, parallel

MeshSettings = parallel.mesh.MeshSettings


def test_by_default_all_devices_lie_on_data():
    mesh = parallel.mesh.create_mesh()
    assert dict(mesh.shape) == {"model": 1, "data": 8}
    assert mesh.axis_types == (AxisType.Auto, AxisType.Auto)


@pytest.mark.parametrize(
    ("model", "data", "shape"),
    [(2, -1, (2, 4)), (-1, 2, (4, 2)), (8, 1, (8, 1)), (2, 4, (2, 4))],
)
def test_sizes(model, data, shape):
    mesh = parallel.mesh.create_mesh(MeshSettings(model=model, data=data))
    assert tuple(mesh.shape.values()) == shape


@pytest.mark.parametrize(
    ("model", "data", "message"),
    [
        (3, -1, "mesh: model=3 by data=-1 does not divide the 8 devices exactly"),
        (-1, 5, "mesh: model=-1 by data=5 does not divide the 8 devices exactly"),
        (2, 2, "mesh: model=2 by data=2 does not divide the 8 devices exactly"),
    ],
)
def test_a_mesh_that_does_not_fit_is_refused(model, data, message):
    with pytest.raises(errors.UserError, match=message):
        parallel.mesh.create_mesh(MeshSettings(model=model, data=data))


@pytest.mark.parametrize("sizes", [{"model": 0}, {"data": -2}, {"model": -1, "data": -1}])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match=r"greater than or equal to -1|only one of"):
        MeshSettings(**sizes)


def test_sharding_spec_splits_an_array():
    mesh = parallel.mesh.create_mesh(MeshSettings(model=2))
    sharding = parallel.mesh.get_sharding_spec(mesh, ("data", None, "model"))
    assert sharding.spec == PartitionSpec("data", None, "model")
    array = jax.device_put(jnp.zeros((8, 3, 6)), sharding)
    assert {shard.data.shape for shard in array.addressable_shards} == {(2, 3, 3)}


def test_constraints_hold_inside_a_mesh_and_vanish_outside():
    def double(x):
        return parallel.rules.constrain(x * 2, "batch", "seq_len", "d_ff")

    x = jnp.ones((8, 2, 4))
    assert jnp.all(jax.jit(double)(x) == 2)
    with jax.set_mesh(parallel.mesh.create_mesh(MeshSettings(model=2))):
        spec = jax.jit(double)(x).sharding.spec
    assert spec == PartitionSpec("data", None, "model")


def test_a_parameter_that_does_not_divide_is_named():
    weight = nnx.Param(jnp.zeros((4, 66)), out_sharding=("d_model", "d_ff"), eager_sharding=False)
    params = nnx.state(nnx.Dict(layer=nnx.Dict(up=weight)), nnx.Param)
    settings = MeshSettings(model=4)
    with pytest.raises(errors.UserError, match=r"mesh.model: 4 does not divide d_ff=66 .*layer.up"):
        parallel.rules.weight_shardings(params, parallel.mesh.create_mesh(settings), settings)
