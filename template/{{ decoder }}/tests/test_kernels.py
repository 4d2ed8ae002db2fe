"""Windows, and fused kernels against the einsum."""

import importlib.util
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.experimental import topologies
from jax.experimental.pallas.ops.tpu import splash_attention

from .project import blocks, decoder, decoder_settings, errors, kernels, masks, numerics, parallel

BFLOAT16 = numerics.precision.Precision()
SCALE = 0.3
SETTINGS = decoder_settings.DecoderSettings(
    d_model=128, num_layers=2, num_heads=4, num_kv_heads=2, d_head=64, d_ff=64, windows=(200, None)
)


def heads(*, seq_len=128, num_heads=4, num_kv_heads=2, d_head=32, batch=2, dtype="bfloat16"):
    keys = jax.random.split(jax.random.key(0), 3)
    counts = (num_heads, num_kv_heads, num_kv_heads)
    return [
        jax.random.normal(key, (batch, count, seq_len, d_head), jnp.float32).astype(dtype)
        for key, count in zip(keys, counts, strict=True)
    ]


def packed(seq_len=128, batch=2):
    rows = [np.sort(np.arange(seq_len) * (row + 2) // seq_len) for row in range(batch)]
    return masks.Documents(jnp.array(np.stack(rows), jnp.int32))


def einsum(documents, query, key, value, layer):
    return decoder.mix(documents.mask(), BFLOAT16, 0, query, key, value, layer)


def test_a_window_counts_the_position_itself():
    near = np.asarray(masks.within(3, 4, 2, 8))[0, 0]
    expected = [[abs(query - key) < 3 for key in range(8)] for query in (4, 5)]
    np.testing.assert_array_equal(near, expected)


def tpu_mesh(model, data):
    """A mesh of devices that are not there."""
    device = jax.sharding.AbstractDevice("TPU v5 lite", num_cores=1, platform="tpu")
    auto = (jax.sharding.AxisType.Auto,) * 2
    axes = parallel.mesh.AXES
    return jax.sharding.AbstractMesh((model, data), axes, axis_types=auto, abstract_device=device)


def close(made, expected):
    """Equal but for the rounding of bfloat16, of means of numbers around 1."""
    np.testing.assert_allclose(np.float32(made), np.float32(expected), atol=2**-6)


WINDOWS = pytest.mark.parametrize("window", [None, 40])


@WINDOWS
def test_cudnn_is_asked_for_what_the_einsum_computes(monkeypatch, window):
    # There is no cuDNN here, so JAX's own form of the function is told what cuDNN would be.
    function = jax.nn.dot_product_attention

    def without_cudnn(*arrays, implementation, **options):
        assert implementation == "cudnn"
        return function(*arrays, implementation="xla", **options)

    monkeypatch.setattr(jax.nn, "dot_product_attention", without_cudnn)
    query, key, value = heads()
    layer = decoder_settings.Layer(SCALE, window=window)
    made = kernels.cudnn(packed(), query, key, value, layer)
    close(made, einsum(packed(), query, key, value, layer))


@WINDOWS
@pytest.mark.parametrize("softcap", [None, 2.0])
def test_splash_equals_the_einsum(monkeypatch, window, softcap):
    interpreted = partial(splash_attention.make_splash_mha, interpret=True)
    monkeypatch.setattr(splash_attention, "make_splash_mha", interpreted)
    query, key, value = heads()
    layer = decoder_settings.Layer(SCALE, softcap, window)
    made = kernels.splash(packed(), query, key, value, layer)
    close(made, einsum(packed(), query, key, value, layer))


def chosen(monkeypatch, platform, *, batch: Any = 2, seq_len=128, precision=BFLOAT16, **changes):
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    settings = decoder_settings.DecoderSettings(d_model=256, num_heads=4, **changes)
    return kernels.choose(settings, precision, batch, seq_len)


def test_a_kernel_is_chosen_where_there_is_one(monkeypatch):
    assert chosen(monkeypatch, "cpu") is None
    assert chosen(monkeypatch, "tpu") is kernels.splash
    assert chosen(monkeypatch, "tpu", attention="einsum") is None
    # A program for every platform is traced with a symbolic batch.
    (batch,) = jax.export.symbolic_shape("batch")
    assert chosen(monkeypatch, "tpu", batch=batch, attention="splash") is None


@pytest.mark.parametrize(
    ("platform", "changes", "problem"),
    [
        ("cpu", {}, "does not run on cpu"),
        ("gpu", {}, "does not run on gpu"),
        ("tpu", {"precision": numerics.precision.FLOAT32}, "computes in bfloat16 alone"),
        ("tpu", {"seq_len": 96}, "needs sequences whose length 128 divides, not 96"),
    ],
)
def test_a_kernel_that_cannot_do_it_is_an_error_if_it_was_asked_for(
    monkeypatch, platform, changes, problem
):
    with pytest.raises(errors.UserError, match=f"model.attention: splash {problem}; take auto"):
        chosen(monkeypatch, platform, attention="splash", **changes)
    if platform == "tpu":
        assert chosen(monkeypatch, platform, **changes) is None


@pytest.mark.parametrize(
    ("model", "data", "kernel"), [(2, 2, kernels.splash), (8, 1, None), (1, 8, None)]
)
def test_a_mesh_must_divide_heads_and_batch(model, data, kernel):
    settings = decoder_settings.DecoderSettings(d_model=256, num_heads=8, num_kv_heads=4)
    with jax.sharding.use_abstract_mesh(tpu_mesh(model, data)):
        assert kernels.choose(settings, BFLOAT16, 4, 128) is kernel


LENGTH = 1024  # longer than a kernel's tiles


def gradients(stacked, x, segments):
    """Of a model that is packed, whose heads share, and whose layers differ."""
    positions = jnp.broadcast_to(jnp.arange(LENGTH), segments.shape)

    def total(stacked):
        documents = masks.Documents(segments)
        return jnp.sum(
            decoder.run_blocks(stacked, SETTINGS, x, mask=documents, positions=positions)[0]
        )

    return jax.grad(total)(stacked)


def arguments(mesh=None):
    """Shapes of what `gradients` takes, laid out over a mesh if it is given one."""
    stacked = nnx.eval_shape(
        lambda: blocks.stack_blocks(SETTINGS, rngs=nnx.Rngs(0), precision=BFLOAT16)
    )
    sharding = None if mesh is None else parallel.rules.batch_sharding(mesh)
    x = jax.ShapeDtypeStruct((4, LENGTH, SETTINGS.d_model), jnp.bfloat16, sharding=sharding)
    segments = jax.ShapeDtypeStruct((4, LENGTH), jnp.int32, sharding=sharding)
    return stacked, x, segments


def test_a_kernel_holds_no_scores_of_all_pairs():
    given, scores = arguments(), f"{LENGTH},{LENGTH}]"
    assert scores in str(jax.make_jaxpr(gradients)(*given))
    with jax.sharding.use_abstract_mesh(tpu_mesh(2, 2)):
        traced = str(jax.make_jaxpr(gradients)(*given))
    assert "pallas_call" in traced
    assert scores not in traced


def test_the_program_of_a_tpu_holds_no_scores_of_all_pairs(monkeypatch):
    if importlib.util.find_spec("libtpu") is None:
        pytest.skip("libtpu compiles for TPUs anywhere: uv run --extra tpu pytest")
    monkeypatch.setenv("TPU_SKIP_MDS_QUERY", "1")  # there is no TPU whose host could be asked
    found = topologies.get_topology_desc(platform="tpu", topology_name="v5e:2x2")
    mesh = parallel.mesh.create_mesh(parallel.mesh.MeshSettings(model=2), found.devices)
    given = arguments(mesh)
    with jax.set_mesh(mesh):
        compiled = str(jax.jit(gradients).lower(*given).compile().as_text())
    assert "tpu_custom_call" in compiled
    assert f"{LENGTH},{LENGTH}]" not in compiled
