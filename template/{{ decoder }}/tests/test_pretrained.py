"""Published models: read as they are, refused by name, and written as they were."""

import json
import re

import jax
import numpy as np
import pytest
import tokenizers
from safetensors.numpy import load_file, save_file

from . import published
from .project import command_line, commands, errors, model, pretrained

pytestmark = pytest.mark.skipif(
    "rotary" not in model.TransformerSettings.model_fields, reason="model.py is an older release's"
)

MORE = {  # of each family, one model with whatever it may have
    "llama": {
        "rope_scaling": {
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 16,
        },
        "attention_bias": True,
        "mlp_bias": True,
    },
    "mistral": {"sliding_window": 8, "head_dim": 16},
    "qwen2": {
        "use_sliding_window": True,
        "sliding_window": 8,
        "max_window_layers": 2,
        "rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16},
    },
    "qwen3": {"head_dim": 16, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6}},
    "gemma2": {"query_pre_attn_scalar": 20, "sliding_window": 8, "final_logit_softcapping": 3.0},
    "gemma3_text": {
        "sliding_window": 8,
        "sliding_window_pattern": 3,
        "rope_scaling": {"rope_type": "linear", "factor": 8.0},
        "rope_local_base_freq": 100.0,
    },
    "smollm3": {"no_rope_layers": [1, 0, 1], "tie_word_embeddings": True},
}


def run(*words):
    return command_line.main([str(word) for word in words])


def imported(folder, output):
    assert run("import", "--source", folder, "--output", output) == 0
    return commands._run.open_run(output)


def weights_of(program, state):
    leaves = jax.tree_util.tree_leaves_with_path(state.variables)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


@pytest.mark.parametrize(("dtype", "files"), [("float32", 1), ("bfloat16", 4), ("float16", 2)])
def test_a_folder_is_imported_and_exported_bit_for_bit(tmp_path, monkeypatch, dtype, files):
    arrays = published.tensors(dtype)
    folder = published.publish(tmp_path / "folder", arrays, files=files, torch_dtype=dtype)
    words = tokenizers.models.WordLevel({"</s>": 0, "lamp": 1}, unk_token="lamp")
    tokenizers.Tokenizer(words).save(str(folder / "tokenizer.json"))
    program, state, step = imported(folder, tmp_path / "run")
    assert step == 0 and state.params == {}
    found = weights_of(program, state)
    kept = "bfloat16" if dtype == "bfloat16" else "float32"
    assert {leaf.dtype.name for leaf in found.values()} == {kept}
    query = arrays["model.layers.1.self_attn.q_proj.weight"]
    ours = query.reshape(published.HEADS, published.D_HEAD, published.WIDTH).transpose(2, 0, 1)
    np.testing.assert_array_equal(found["blocks.attention.query"][1], ours.astype(kept))

    monkeypatch.setattr(pretrained.exporting, "FILE_BYTES", 40_000)
    output = tmp_path / "exported"
    words = ("export", "--run-dir", tmp_path / "run", "--format", "huggingface")
    assert run(*words, "--output", output) == 0
    written = [load_file(file) for file in sorted(output.glob("*.safetensors"))]
    again = {name: array for each in written for name, array in each.items()}
    index = json.loads((output / "model.safetensors.index.json").read_text())
    assert len(written) > 1 and index["weight_map"].keys() == again.keys() == arrays.keys()
    for name, array in arrays.items():
        assert array.dtype == again[name].dtype, name
        np.testing.assert_array_equal(array, again[name], name)
    config = json.loads((output / "config.json").read_text())
    assert {**published.CONFIG, "torch_dtype": dtype}.items() <= config.items()
    given = (folder / "tokenizer.json").read_bytes()
    for kept in (tmp_path / "run" / "pretrained", output):
        assert (kept / "tokenizer.json").read_bytes() == given
    assert program.experiment.data.tokenizer.decode(np.array([1, 0])) == "lamp"


def test_each_device_is_given_what_it_holds_and_nothing_is_read_twice(tmp_path, monkeypatch):
    folder = published.publish(tmp_path / "folder", published.tensors())
    sizes, read = [], pretrained.folder.ModelFolder.read

    def counted(*arguments):
        part = read(*arguments)
        sizes.append(part.nbytes)
        return part

    monkeypatch.setattr(pretrained.folder.ModelFolder, "read", counted)
    words = ("import", "--source", folder, "--output", tmp_path / "run")
    assert run(*words, "--config=set:mesh.model=2", "--config=set:mesh.fsdp=True") == 0
    arrays = published.tensors()
    assert sum(sizes) == sum(array.nbytes for array in arrays.values())
    assert max(sizes) < max(array.nbytes for array in arrays.values())
    assert run("generate", "--run-dir", tmp_path / "run", "--prompt", "x", "--max-tokens", 2) == 0


@pytest.mark.parametrize("kind", MORE)
def test_what_a_family_reads_it_writes(kind):
    family = pretrained.families.families()[kind]
    given = {**published.CONFIG, **MORE[kind], "architectures": [family.architecture]}
    given["model_type"] = kind
    assert pretrained.families.family_of(given) is family
    settings = family.settings_of(given)
    assert family.settings_of({**given, **family.config_of(settings)}) == settings
    rotary = settings.pop("rotary")
    made = model.TransformerSettings(**settings)
    made = made.model_copy(update={"rotary": type(made.rotary)(**rotary)})
    form = pretrained.exporting.form_of(made, kind)
    assert (form.kind, form.scaled) == (kind, False)
    again = family.settings_of({**given, **form.config})
    assert again.pop("rotary").items() >= rotary.items()
    assert again == settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "mamba"}, "model_type = 'mamba' is not supported, only gemma2"),
        ({"architectures": ["LlamaForX"]}, "architectures = .*LlamaForX"),
        ({"new_idea": 2}, "new_idea = 2 is not supported for LlamaForCausalLM"),
        ({"auto_map": {"AutoModel": "x.py"}}, "auto_map"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"hidden_act": "relu"}, "hidden_act = 'relu' is not supported, only 'silu'"),
        ({"attention_dropout": 0.1}, "attention_dropout = 0.1"),
        ({"rope_scaling": {"type": "longrope"}}, "rope_type = 'longrope' is not supported"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0, "x": 1}}, "x = 1 is not supported"),
        ({"hidden_size": None}, "there is no hidden_size"),
        ({"num_key_value_heads": 4}, r"\(16, 32\), where its config.json says \(32, 32\)"),
        ({"num_hidden_layers": 2}, "has, beyond .* tensor model.layers.2.* and 8 others"),
        ({"num_hidden_layers": 4}, "lacks tensor model.layers.3.* and 8 others"),
        ({"attention_bias": True}, "lacks tensor model.layers.0.self_attn.k_proj.bias and 11"),
    ],
)
def test_what_is_not_understood_is_named(tmp_path, capsys, changes, message):
    folder = published.publish(tmp_path / "folder", published.tensors(), **changes)
    assert run("import", "--source", folder, "--output", tmp_path / "run") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(message, line), line
    assert not (tmp_path / "run").exists()


def test_files_that_hold_no_weights(tmp_path):
    arrays = published.tensors()
    folder = published.publish(tmp_path / "folder", arrays)
    file = folder / "model.safetensors"
    save_file({**arrays, "model.norm.weight": np.ones(32, np.int8)}, file)
    with pytest.raises(errors.UserError, match=r"model.norm.weight is I8, .* only BF16, F16, F32"):
        _ = pretrained.folder.ModelFolder(folder).shapes
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(errors.UserError, match="no intact safetensors file"):
        _ = pretrained.folder.ModelFolder(folder).shapes
    file.rename(folder / "pytorch_model.bin")
    with pytest.raises(errors.UserError, match=r"holds no model\.safetensors"):
        _ = pretrained.folder.ModelFolder(folder).shapes
    maps = {"names no file": [file.name], "holds no \\.\\./else": {"norm": "../else.safetensors"}}
    for message, listed in maps.items():
        index = json.dumps({"weight_map": listed})
        (folder / "model.safetensors.index.json").write_text(index)
        with pytest.raises(errors.UserError, match=message):
            _ = pretrained.folder.ModelFolder(folder).shapes


def test_a_model_of_this_project_is_the_nearest_family():
    settings = model.TransformerSettings()
    form = pretrained.exporting.form_of(settings)
    assert (form.kind, form.scaled, form.config["tie_word_embeddings"]) == ("llama", True, False)
    with pytest.raises(errors.UserError, match=r"no family has a model like this: .*query_scale"):
        pretrained.exporting.form_of(settings.model_copy(update={"query_scale": 0.3}))


def test_a_run_is_not_written_over(tmp_path, capsys):
    folder = published.publish(tmp_path / "folder", published.tensors())
    imported(folder, tmp_path / "run")
    assert run("import", "--source", folder, "--output", tmp_path / "run") == 2
    assert "holds a run" in capsys.readouterr().err
