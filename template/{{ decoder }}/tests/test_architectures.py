"""The settings that published models differ by: against plain loops, and what they cost."""

import re
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from . import test_precision, tiny
from .project import model, numerics, parallel, rotary

FLOAT32 = numerics.precision.FLOAT32
SETTINGS = model.TransformerSettings(vocab_size=48, d_model=32, num_layers=3, num_heads=4, d_ff=48)
SEQ_LEN = 20
SHARED = {"num_kv_heads": 2, "d_head": 6}
GEMMA = {
    **SHARED,
    "windows": (5, 5, None),
    "rotary": rotary.RotarySettings(local_base=100.0, scaling="linear", factor=2.0),
    "query_key_norm": True,
    "query_scale": 0.3,
    "attention_softcap": 2.0,
    "logit_softcap": 3.0,
    "activation": "gelu_tanh",
    "norm_offset": True,
    "post_norms": True,
}
SMOL = {
    **SHARED,
    "rotated": (True, False),
    "rotary": rotary.RotarySettings(share=0.7),
    "embedding_scale": False,
    "norm_epsilon": 1e-2,
    "tied_embeddings": False,
}
BIASED = {"attention_bias": "all", "feed_forward_bias": True, "windows": (7,)}
ARCHITECTURES = {"gemma": GEMMA, "smol": SMOL, "biased": BIASED}
EACH = pytest.mark.parametrize("name", ARCHITECTURES)


def build(precision=FLOAT32, **changes):
    """A model whose scales and biases are random, too; else they could stand anywhere."""
    settings = model.TransformerSettings(**{**SETTINGS.model_dump(), **changes})
    transformer = settings.build(rngs=nnx.Rngs(0), precision=precision)
    random = np.random.default_rng(0)
    for path, variable in nnx.to_flat_state(nnx.state(transformer, nnx.Param)):
        if str(path[-1]).endswith(("scale", "bias")):
            noise = random.normal(size=variable.shape) * 0.3
            variable[...] += jnp.asarray(noise, variable.dtype)
    return transformer


def inputs(batch=2):
    tokens = jax.random.randint(jax.random.key(1), (batch, SEQ_LEN), 0, 48)
    positions = jnp.broadcast_to(jnp.arange(SEQ_LEN), tokens.shape)
    return tokens, jnp.ones_like(tokens), positions


@nnx.jit
def run(transformer, tokens, segments, positions, key=None):
    return transformer(tokens, segments, positions, key=key)


def plain_logits(settings, weights, tokens):
    """The same model for one sequence, written as loops over layers and heads in float64."""

    def norm(x, scale):
        scale = 1 + scale if settings.norm_offset else scale
        return x / np.sqrt(np.mean(x**2, -1, keepdims=True) + settings.norm_epsilon) * scale

    def rotate(x, base, factor):
        width = int(settings.rotary.share * x.shape[-1])
        rates = base ** (-2 * np.arange(width // 2) / width) / factor
        turns = np.exp(1j * np.arange(len(x))[:, None] * rates)
        turned = (x[:, : width // 2] + 1j * x[:, width // 2 : width]) * turns
        return np.concatenate([turned.real, turned.imag, x[:, width:]], axis=1)

    def bounded(x, bound):
        return x if bound is None else bound * np.tanh(x / bound)

    def attend(x, layer, window, rotated):
        base, factor = settings.rotary.base, settings.rotary.factor
        if window is not None and settings.rotary.local_base is not None:
            base, factor = settings.rotary.local_base, 1.0
        out = layer.get("out_bias", 0)
        for head in range(settings.num_heads):
            shared = head * settings.kv_heads // settings.num_heads
            query, key, value = (
                x @ layer[name][:, at] + (layer[f"{name}_bias"][at] if "out_bias" in layer else 0)
                for name, at in (("query", head), ("key", shared), ("value", shared))
            )
            if settings.query_key_norm:
                query = norm(query, layer["query_norm"]["scale"])
                key = norm(key, layer["key_norm"]["scale"])
            if rotated:
                query, key = rotate(query, base, factor), rotate(key, base, factor)
            scores = query @ key.T * (settings.query_scale or settings.head_width**-0.5)
            scores = np.exp(bounded(scores, settings.attention_softcap))
            ages = np.subtract.outer(np.arange(len(x)), np.arange(len(x)))
            scores *= (ages >= 0) & (ages < (window or len(x)))
            out = out + scores / scores.sum(-1, keepdims=True) @ value @ layer["out"][head]
        return out

    def feed_forward(x, layer):
        gate = x @ layer["gate"] + layer.get("gate_bias", 0)
        if settings.activation == "silu":
            gate = gate / (1 + np.exp(-gate))
        else:
            gate = gate * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3))) / 2
        inner = gate * (x @ layer["up"] + layer.get("up_bias", 0))
        return inner @ layer["down"] + layer.get("down_bias", 0)

    x = weights["embedding"][tokens]
    x = x * settings.d_model**0.5 if settings.embedding_scale else x
    for number in range(settings.num_layers):
        layer = jax.tree.map(lambda stacked, at=number: stacked[at], weights["blocks"])
        window = settings.windows[number % len(settings.windows)]
        rotated = settings.rotated[number % len(settings.rotated)]
        branch = norm(x, layer["attention_norm"]["scale"])
        branch = attend(branch, layer["attention"], window, rotated)
        if settings.post_norms:
            branch = norm(branch, layer["attention_post_norm"]["scale"])
        x = x + branch
        branch = feed_forward(norm(x, layer["feed_forward_norm"]["scale"]), layer["feed_forward"])
        if settings.post_norms:
            branch = norm(branch, layer["feed_forward_post_norm"]["scale"])
        x = x + branch
    table = weights["embedding"] if settings.tied_embeddings else weights["unembedding"]
    return bounded(norm(x, weights["norm"]["scale"]) @ table.T, settings.logit_softcap)


@EACH
def test_logits_equal_those_of_plain_loops(name):
    transformer = build(**ARCHITECTURES[name])
    weights = jax.tree.map(np.float64, nnx.to_pure_dict(nnx.state(transformer, nnx.Param)))
    tokens, segments, positions = inputs()
    made = run(transformer, tokens, segments, positions)
    for row in range(2):
        expected = plain_logits(transformer.settings, weights, np.asarray(tokens[row]))
        np.testing.assert_allclose(made[row], expected, rtol=1e-4, atol=1e-4)


@EACH
def test_a_cache_and_padding_change_nothing(name):
    transformer = build(**ARCHITECTURES[name])
    tokens, segments, positions = inputs()
    whole = run(transformer, tokens, segments, positions)
    starts = jnp.array([3, 0])
    padded = jnp.stack([jnp.roll(tokens[0], 3).at[:3].set(0), tokens[1]])
    extend = nnx.jit(lambda transformer, *given: transformer.extend(*given))
    made, cache = extend(transformer, padded[:, :9], transformer.empty_cache(2, SEQ_LEN), starts)
    parts = [made]
    for at in range(9, SEQ_LEN):
        made, cache = extend(transformer, padded[:, at : at + 1], cache, starts)
        parts.append(made)
    made = jnp.concatenate(parts, axis=1)
    np.testing.assert_allclose(made[0, 3:], whole[0, :-3], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(made[1], whole[1], rtol=1e-4, atol=1e-4)
    assert cache.keys.shape[2] == transformer.settings.kv_heads


def test_how_layers_are_computed_changes_nothing():
    """Where the pattern does not come out even with the layers, and dropout has its keys."""
    results = []
    for changes in ({}, {"unroll_layers": True, "remat": "full"}):
        transformer = build(windows=(5, None), dropout=0.1, **changes)
        graphdef, params = nnx.split(transformer)

        def total(params, graphdef=graphdef):
            logits = nnx.merge(graphdef, params)(*inputs(), key=jax.random.key(2))
            return jnp.mean(jnp.square(logits))

        results.append(jax.jit(jax.value_and_grad(total))(params))
    for one, other in zip(*map(jax.tree.leaves, results), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def lowered(**changes):
    settings = model.TransformerSettings(**{**SETTINGS.model_dump(), **changes})
    make = nnx.eval_shape(lambda: settings.build(rngs=nnx.Rngs(0), precision=FLOAT32))
    return nnx.jit(lambda transformer, *given: transformer(*given)).lower(make, *inputs()).as_text()


def operations(**changes):
    return Counter(re.findall(r"stablehlo\.(\w+)", lowered(**changes)))


ADDED = [
    ({"attention_softcap": 5.0}, {"tanh": 1}),
    ({"logit_softcap": 5.0}, {"tanh": 1}),
    ({"windows": (4,)}, {"abs": 1}),
    ({"query_key_norm": True}, {"rsqrt": 2}),
    ({"post_norms": True}, {"rsqrt": 2}),
    ({"rotated": (False,)}, {"cosine": -2, "sine": -2}),
    ({"norm_offset": True}, {"add": 3}),
    ({"attention_bias": "qkv"}, {"add": 3}),
    ({"attention_bias": "all"}, {"add": 4}),
    ({"feed_forward_bias": True}, {"add": 3}),
]


@pytest.mark.parametrize(("changes", "expected"), ADDED)
def test_a_setting_costs_its_own_operations_and_none_when_off(changes, expected):
    before, after = operations(), operations(**changes)
    assert {name: after[name] - before[name] for name in expected} == expected


def test_what_says_the_same_is_the_same_program():
    spelled_out = {
        "num_kv_heads": 4,
        "d_head": 8,
        "windows": (None, None),
        "rotated": (True, True),
        "query_scale": 8**-0.5,
    }
    assert lowered(**spelled_out) == lowered()


def test_keys_and_values_are_not_repeated():
    text = lowered(num_kv_heads=1, num_heads=8, d_head=6)
    shapes = re.findall(r"dot_general.*tensor<2x1x20x6xf32>", text)
    assert len(shapes) == 2  # keys in the scores, values in the means
    assert "tensor<2x8x20x20xf32>" in text  # the scores


@EACH
def test_products_take_bfloat16_and_sums_are_float32(name):
    graphdef, params = nnx.split(build(numerics.precision.Precision(), **ARCHITECTURES[name]))

    def total(params):
        return jnp.mean(nnx.merge(graphdef, params)(*inputs()))

    traced = jax.jit(jax.grad(total)).trace(params)
    test_precision.audit(list(test_precision.equations(traced.jaxpr.jaxpr)))


@pytest.mark.parametrize("num_kv_heads", [1, 4])
def test_key_value_heads_lie_on_the_model_axis_or_everywhere(num_kv_heads):
    settings = parallel.mesh.MeshSettings(model=4, data=2)
    transformer = build(num_kv_heads=num_kv_heads, d_head=6)
    expected = run(transformer, *inputs())
    graphdef, params = nnx.split(transformer)
    mesh = tiny.make_mesh(4, 2)
    if num_kv_heads == 4:
        shardings = parallel.rules.weight_shardings(params, mesh, settings)
    else:
        with pytest.warns(UserWarning, match="mesh.model: 4 does not divide num_kv_heads=1"):
            shardings = parallel.rules.weight_shardings(params, mesh, settings)
    laid_out = jax.device_put(nnx.to_pure_dict(params), shardings)
    key = laid_out["blocks"]["attention"]["key"]
    assert key.addressable_shards[0].data.shape == (3, 32, 1, 6)
    nnx.replace_by_pure_dict(params, laid_out)
    with jax.set_mesh(mesh):
        made = jax.jit(lambda params: nnx.merge(graphdef, params)(*inputs()))(params)
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_kv_heads": 3}, "num_kv_heads: 3 does not divide num_heads=4"),
        ({"d_head": 7}, "rotary.share: 7 features of 7 rotate; .* even number from 2 on"),
        (
            {"rotary": rotary.RotarySettings(share=0.1)},
            "rotary.share: 0 features of 8 rotate",
        ),
        (
            {"attention": "cudnn", "attention_softcap": 5.0},
            "attention: cudnn has no attention_softcap",
        ),
        ({"windows": (0,)}, "greater than or equal to 1"),
        ({"windows": ()}, "at least 1"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        model.TransformerSettings(**{**SETTINGS.model_dump(), **changes})
