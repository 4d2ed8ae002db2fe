"""Published models of images: read as they are, refused by name, fitted to other images and tuned.

That they compute what timm and torchvision do, the template's own tests show.
"""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from . import published, tiny, tiny_images
from .project import (
    command_line,
    commands,
    configuration,
    errors,
    experiments,
    numerics,
    pretrained,
    storage,
    training,
)

FLOAT32 = ("--config=set:precision.compute_dtype=float32",)
RUN = {"optimizer.schedule.warmup_steps": 1, "loop.steps": 2, "loop.eval_every": 2}


def run(*words):
    return command_line.main([str(word) for word in words])


def imported(path, kind, *words):
    make, told = published.MODELS[kind]
    file = published.publish(path / f"{kind}.safetensors", make())
    output = path / "base" / kind
    assert run("import", "--source", file, "--output", output, *told, *FLOAT32, *words) == 0
    return output


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """A run of each kind of model."""
    path = tmp_path_factory.mktemp("bases")
    return {kind: imported(path, kind) for kind in published.MODELS}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Grey images of 8 by 8 pixels, of three classes."""
    return tiny.prepare(tmp_path_factory.mktemp("data"))


def tuned(data, base, *presets, dtype=None, **fields):
    """An experiment that starts from a run."""
    config = configuration.compose(["config:smoke"], experiments)
    sizes = (field.partition("=") for field in tiny_images.FIELDS)
    for name, value in {**{name: value for name, _, value in sizes}, **RUN, **fields}.items():
        holder, _, last = name.rpartition(".")
        part = config
        for step in holder.split("."):
            part = getattr(part, step) if step else part
        setattr(part, last, json.loads(value) if isinstance(value, str) else value)
    config.data.directory = str(data)
    config.precision.param_dtype = config.precision.compute_dtype = dtype or "float32"
    pretrained.presets.pretrained(config, str(base))
    for preset in presets:
        preset(config)
    experiment = configuration.build(config)
    return experiment.fitted(training.data_settings.info_of(experiment.data))


def first_state(experiment, mesh=None):
    program = training.program.make_program(experiment, mesh or tiny.make_mesh())
    with jax.set_mesh(program.mesh):
        return program, program.initial_state()


def flat(tree):
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): np.asarray(leaf)
        for path, leaf in leaves
    }


def test_weights_lie_where_they_belong(bases):
    _, state, step = commands._run.open_run(bases["bottleneck"])
    found, arrays = flat(state.variables), published.resnet(bottleneck=True)
    assert (step, state.params) == (0, {})
    kernel = arrays["layer2.0.conv2.weight"].transpose(2, 3, 1, 0)
    np.testing.assert_array_equal(found["blocks.1.convs.1.kernel"], kernel)
    np.testing.assert_array_equal(
        found["blocks.1.shortcut.norm.var"], arrays["layer2.0.downsample.1.running_var"]
    )
    np.testing.assert_array_equal(found["head"], arrays["fc.weight"].T)

    found, arrays = flat(commands._run.open_run(bases["vit"])[1].variables), published.vit()
    heads = (3, published.HEADS, published.WIDTH // published.HEADS)
    qkv = arrays["blocks.1.attn.qkv.weight"].reshape(*heads, -1).transpose(3, 0, 1, 2)
    np.testing.assert_array_equal(found["blocks.1.attention.qkv"], qkv)
    np.testing.assert_array_equal(found["positions"], arrays["pos_embed"][0])


def test_what_was_understood_is_told(tmp_path, capsys):
    imported(tmp_path, "vit")
    told = capsys.readouterr().out
    count = sum(array.size for array in published.vit().values())
    assert f"a ViT of 2 layers of width 24, {count:,} parameters in float32\n" in told
    for line in (
        "head for 5 classes",
        "images less 0.5 0.5 0.5, divided by 0.5 0.5 0.5 (--normalisation half)",
        "3 attention heads (--heads)",
        "classes are told from the class token",
        "images of 16 by 16 pixels (as it says)",
    ):
        assert f"\n  {line}\n" in told


def test_an_imported_run_predicts(bases, tmp_path):
    images = tiny_images.write(tmp_path / "images", in_class=2)
    output = tmp_path / "classes.csv"
    words = ("--source", images, "--output", output)
    assert run("predict", "--run-dir", bases["vit"], *words) == 0
    header, *rows = output.read_text().splitlines()
    assert header.startswith("file,class,probability,probability_0,") and len(rows) == 6


@pytest.mark.parametrize("kind", ["bottleneck", "vit"])
def test_an_imported_run_is_exported_for_any_batch(bases, tmp_path, kind):
    assert run("export", "--run-dir", bases[kind], "--output", tmp_path / kind) == 0
    exported = jax.export.deserialize((tmp_path / kind / "model.stablehlo").read_bytes())
    for batch in (1, 3):
        made = exported.call({"images": jnp.zeros((batch, 16, 16, 3))})
        assert made["probabilities"].shape == (batch, 5)


@pytest.mark.parametrize("kind", ["bottleneck", "vit"])
def test_every_device_is_given_its_part(bases, data, kind):
    fields = {"optimizer.learning_rate": 1e-3}
    alone = first_state(tuned(data, bases[kind], **fields))[1]
    mesh = tiny.make_mesh(model=1 if kind == "vit" else 2, data=2, fsdp=True)
    spread = first_state(tuned(data, bases[kind], **fields), mesh)[1]
    jax.tree.map(np.testing.assert_array_equal, flat(alone.params), flat(spread.params))
    assert any(len(leaf.sharding.device_set) > 1 for leaf in jax.tree.leaves(spread.params))


def test_an_import_to_several_devices_reads_the_same(tmp_path):
    output = imported(tmp_path, "vit", "--heads", 2, "--config=set:mesh.model=2")
    found = commands._run.open_run(output)[1].variables["blocks"][0]["attention"]
    assert len(found["qkv"].sharding.device_set) > 1
    arrays, heads = published.vit(), (3, 2, published.WIDTH // 2)
    qkv = arrays["blocks.0.attn.qkv.weight"].reshape(*heads, -1).transpose(3, 0, 1, 2)
    np.testing.assert_array_equal(found["qkv"], qkv)
    out = arrays["blocks.0.attn.proj.weight"].T.reshape(2, -1, published.WIDTH)
    np.testing.assert_array_equal(found["out"], out)


def test_a_head_for_other_classes_is_new_and_the_rest_is_kept(bases, data, capsys):
    program, state = first_state(tuned(data, bases["basic"]))
    assert "its head for 5 classes is replaced by a new one for 3" in capsys.readouterr().out
    found, arrays = flat((state.params, state.variables)), published.resnet()
    assert not np.any(found["0.head"]) and found["0.head"].shape == (12, 3)
    np.testing.assert_array_equal(
        found["0.stem.kernel"], arrays["conv1.weight"].transpose(2, 3, 1, 0)
    )
    np.testing.assert_array_equal(found["1.stem.norm.mean"], arrays["bn1.running_mean"])
    assert program.experiment.model.num_classes == 3


def test_a_head_for_as_many_classes_is_kept(bases, data, capsys):
    base, classes = bases["vit"], ["a", "b", "c", "d", "e"]
    experiment = tuned(data, base)
    info = training.data_settings.info_of(experiment.data)
    state = first_state(experiment.fitted({**info, "classes": classes}))[1]
    assert "its head for 5 classes is kept" in capsys.readouterr().out
    np.testing.assert_array_equal(state.params["head"], published.vit()["head.weight"].T)


def test_positions_follow_the_size_of_images(bases, data, capsys):
    state = first_state(tuned(data, bases["vit"]))[1]
    assert "4 by 4 patches are interpolated to 2 by 2" in capsys.readouterr().out
    before, after = published.vit()["pos_embed"][0], state.params["positions"]
    assert after.shape == (5, published.WIDTH)
    np.testing.assert_array_equal(after[0], before[0])
    # What is constant over the image stays so.
    like = {"positions": jnp.zeros((5, 1))}
    flat_one = pretrained.adapting.resize_positions(
        {"positions": jnp.full((17, 1), 3.0)}, like, (2, 2), 1
    )
    np.testing.assert_allclose(flat_one.weights["positions"], 3.0, rtol=1e-6)
    with pytest.raises(errors.UserError, match="its 15 positions make no square"):
        pretrained.adapting.resize_positions({"positions": jnp.zeros((16, 1))}, like, (2, 2), 1)


def test_images_reach_the_weights_as_they_were_trained():
    """By whatever statistics a data set normalises them; grey ones as three channels alike."""
    pixels = np.random.default_rng(0).random((2, 4, 4, 3)).astype(np.float32)
    source = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.3, 0.4)}
    wanted = (pixels - np.array(source["mean"])) / np.array(source["std"])
    info = {"kind": "image", "shape": [4, 4, 3], "classes": ["a", "b"]}
    settings = pretrained.image_settings.PublishedImageSettings(**source)
    fitted = settings.fitted({**info, "mean": [0.1, 0.2, 0.3], "std": [0.5, 0.6, 0.7]})
    given = (pixels - np.array([0.1, 0.2, 0.3])) / np.array([0.5, 0.6, 0.7])
    np.testing.assert_allclose(fitted.rescale(jnp.float32(given)), wanted, atol=1e-6)
    grey = settings.fitted({**info, "shape": [4, 4, 1], "mean": [0.1], "std": [0.5]})
    given = (pixels[..., :1] - 0.1) / 0.5
    wanted = (pixels[..., :1] - np.array(source["mean"])) / np.array(source["std"])
    wanted = np.broadcast_to(wanted, (2, 4, 4, 3))
    np.testing.assert_allclose(grey.rescale(jnp.float32(given)), wanted, atol=1e-6)
    with pytest.raises(errors.UserError, match="read images of 3 channels, the data set has 4"):
        settings.fitted({**info, "shape": [4, 4, 4]})


def test_a_frozen_model_trains_its_head_alone(bases, data):
    for kind in ("basic", "vit"):
        experiment = tuned(data, bases[kind], pretrained.presets.frozen)
        program, before = first_state(experiment)
        before = flat((before.params, before.variables))
        assert {name for name in before if name.startswith("0.")} == {"0.head", "0.bias"}
        state = tiny.run_steps(experiment, program.mesh, 2)[0]
        after = flat((state.params, state.variables))  # statistics of norms among them
        changed = {name for name in after if not np.array_equal(before[name], after[name])}
        assert changed == {"0.head", "0.bias"}


@pytest.mark.parametrize("kind", ["bottleneck", "vit"])
def test_tuning_in_bfloat16(bases, data, kind):
    experiment = tuned(data, bases[kind], dtype="bfloat16")
    _, history = tiny.run_steps(experiment, tiny.make_mesh(), 2)
    assert all(np.isfinite(metrics["loss"]) for metrics in history)
    assert history[-1]["skipped"] == 0


def test_lower_blocks_are_trained_more_slowly(bases, data):
    experiment = tuned(data, bases["vit"], pretrained.presets.layer_decay)
    factors = {name: group.rate for name, group in experiment.optimizer.groups.items()}
    assert factors == {"part_0": 0.75**3, "part_1": 0.75**2, "part_2": 0.75}
    program, _ = first_state(experiment)
    found = training.groups.members(
        nnx.merge(program.layout.graphdef, *program.layout.abstract[2:4]),
        experiment.optimizer.groups,
    )
    paths = {name: set(part) for name, part in found.items()}
    assert paths[None] == {"head", "bias", "norm.scale", "norm.bias"}
    first = {"embedding", "embedding_bias", "class_token", "positions"}
    assert paths["part_0"] == first
    assert all(path.startswith("blocks.1.") for path in paths["part_2"])


def test_an_interrupted_run_goes_on_bit_for_bit(bases, data, tmp_path):
    fields = {"loop.steps": 2, "checkpoint.every": 1, "loop.eval_batches": 1}
    experiment = tuned(data, bases["basic"], **fields)

    def train(path):
        directory = storage.run_directory.RunDirectory(path)
        with directory.lock():
            return training.loop.train(experiment, directory, tiny.make_mesh()).state

    whole = train(tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "2")
    again = train(tmp_path / "run")
    jax.tree.map(
        np.testing.assert_array_equal,
        flat((whole.params, whole.variables, whole.opt_state)),
        flat((again.params, again.variables, again.opt_state)),
    )


@pytest.mark.parametrize("kind", ["bottleneck", "vit"])
def test_bfloat16_stays_close_to_float32(bases, kind):
    program, state, _ = commands._run.open_run(bases[kind])
    shape = program.experiment.model.base.image_shape
    images = jax.random.normal(jax.random.key(0), (8, *shape))
    exact, bfloat16 = program.model(state), numerics.precision.Precision()
    rounded = program.experiment.model.base.build(rngs=nnx.Rngs(0), precision=bfloat16)
    rounded = nnx.view(rounded, use_running_average=True, raise_if_not_found=False)
    weights = nnx.to_pure_dict(nnx.state(exact, nnx.Variable))
    nnx.update(rounded, nnx.State(numerics.precision.cast_floating(weights, "bfloat16")))
    one, other = (
        jax.jit(lambda images, model=each: model(images))(images) for each in (exact, rounded)
    )
    assert 0 < np.max(np.abs(one - other)) < 0.1 * np.max(np.abs(one))


def test_the_models_of_imagenet_are_recognised():
    """By shapes alone, since each has millions of weights."""
    wide = {"conv1.weight": (64, 3, 7, 7), "fc.weight": (1000, 2048)}
    for stage, (depth, inner) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), start=1):
        for number in range(depth):
            for conv in (1, 2, 3):
                out = 4 * inner if conv == 3 else 2 * inner
                wide[f"layer{stage}.{number}.conv{conv}.weight"] = (out, 2 * inner, 3, 3)
    found = pretrained.recognition.recognise(wide)
    assert found.settings["depths"] == (3, 4, 6, 3) and found.settings["bottleneck"]
    assert found.settings["inner"] == (128, 256, 512, 1024)
    assert found.settings["widths"] == (256, 512, 1024, 2048)


def test_what_timm_writes_beside_a_file_is_read(tmp_path):
    published.publish(tmp_path / "model.safetensors", published.vit())
    cfg = {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], "input_size": [3, 16, 16]}
    config = {"architecture": "vit_tiny_patch16_224", "pretrained_cfg": cfg, "global_pool": "avg"}
    config["model_args"] = {"num_heads": 3, "embed_dim": 24}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert run("import", "--source", tmp_path, "--output", tmp_path / "run", *FLOAT32) == 0
    settings = commands._run.open_run(tmp_path / "run")[0].experiment.model.base
    assert (settings.mean, settings.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    assert (settings.num_heads, settings.pool, settings.image_shape) == (3, "mean", (16, 16, 3))


def test_a_run_is_not_written_over(bases, tmp_path, capsys):
    file = published.publish(tmp_path / "weights.safetensors", published.resnet())
    assert run("import", "--source", file, "--output", bases["basic"]) == 2
    assert "holds a run: choose another --output" in capsys.readouterr().err
