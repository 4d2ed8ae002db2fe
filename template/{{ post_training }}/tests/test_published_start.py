"""Training that starts from a published model: what is kept of it, and what is written."""

import jax
import pytest
from safetensors.numpy import load_file

from . import published, tiny_methods
from .project import (
    command_line,
    commands,
    configuration,
    experiments,
    model,
    post_training,
    pretrained,
)

pytestmark = pytest.mark.skipif(
    "rotary" not in model.TransformerSettings.model_fields, reason="model.py is an older release's"
)


def run(*words):
    return command_line.main([str(word) for word in words])


@pytest.fixture(scope="module")
def adapted(tmp_path_factory):
    """The run of a model that LoRA adapts, published as bfloat16."""
    folder = tmp_path_factory.mktemp("published")
    published.publish(folder / "model", published.tensors("bfloat16"))
    (folder / "model" / "tokenizer_config.json").write_text("{}")
    assert run("import", "--source", folder / "model", "--output", folder / "base") == 0
    data = tiny_methods.prepare(folder)["demonstrations"]
    sets = ("loop.steps=2", "loop.eval_every=2", "loop.eval_batches=1", f"data.directory={data}")
    words = ["config:sft_lora", *(f"set:{each}" for each in sets)]
    config = configuration.compose(words, experiments)
    pretrained.presets.pretrained(config, str(folder / "base"))
    outcome = tiny_methods.train(configuration.build(config), folder / "lora")
    assert outcome.step == 2
    (folder / "lora" / "config.json").write_text(configuration.dump_json(config))
    return folder


def test_what_is_not_trained_stays_bfloat16_and_unchanged(adapted):
    program, state, step = commands._run.open_run(adapted / "lora")
    base = commands._run.open_run(adapted / "base").state.variables
    assert step == 2
    kept = state.variables["base"]
    assert {leaf.dtype.name for leaf in jax.tree.leaves(kept)} == {"bfloat16"}
    assert jax.tree.all(jax.tree.map(lambda a, b: (a == b).all(), kept, base))
    trained = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    moments = sum(leaf.size for leaf in jax.tree.leaves(state.opt_state) if leaf.ndim)
    assert moments == 2 * trained
    assert program.experiment.model.base_dtype == "bfloat16"  # found out from the weights


def test_what_lies_beside_the_weights_goes_with_them(adapted):
    names = {path.name for path in (adapted / "lora" / "pretrained").iterdir()}
    assert names == {"config.json", "tokenizer_config.json"}


def test_an_adapter_and_the_merged_model_are_exported(adapted):
    words = ("export", "--run-dir", adapted / "lora", "--format")
    assert run(*words, "peft", "--output", adapted / "peft") == 0
    arrays = load_file(adapted / "peft" / "adapter_model.safetensors")
    layer = "base_model.model.model.layers.2.self_attn.k_proj"
    assert arrays[f"{layer}.lora_A.weight"].shape == (8, published.WIDTH)
    assert arrays[f"{layer}.lora_B.weight"].shape == (16, 8)
    assert len(arrays) == 2 * 7 * published.LAYERS
    assert run(*words, "huggingface", "--output", adapted / "merged") == 0
    merged = load_file(adapted / "merged" / "model.safetensors")
    given = published.tensors("bfloat16")
    assert merged.keys() == given.keys()
    same = {name for name in given if (merged[name] == given[name]).all()}
    assert same == {name for name in given if "proj" not in name}


def test_a_run_without_differences_has_no_adapter(adapted, capsys):
    words = ("--format", "peft", "--output", adapted / "none")
    assert run("export", "--run-dir", adapted / "base", *words) == 2
    assert "no low-rank differences" in capsys.readouterr().err


def test_weights_are_told_apart_by_their_dtype(adapted):
    assert post_training.weights.is_rounded(adapted / "base", "start_from")
    assert post_training.weights.is_rounded(adapted / "lora", "start_from")
    assert pretrained.folder.ModelFolder(adapted / "model").dtype == "bfloat16"
