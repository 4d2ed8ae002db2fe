"""Training that goes on from a published model, by its weights and its tokenizer."""

import io

import jax
import numpy as np
import pytest

from . import chats, published, tiny_task
from .project import command_line, commands, configuration, experiments, model, pretrained

pytestmark = pytest.mark.skipif(
    "rotary" not in model.TransformerSettings.model_fields, reason="model.py is an older release's"
)


def run(*words):
    return command_line.main([str(word) for word in words])


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with texts and an imported model of bfloat16."""
    folder = tmp_path_factory.mktemp("lab")
    tiny_task.write_corpus(folder / "text")
    published.publish(folder / "model", published.tensors("bfloat16"))
    chats.write_tokenizer(folder / "model", chats.CHATML)
    assert run("import", "--source", folder / "model", "--output", folder / "base") == 0
    return folder


def prepare(lab, output, *words):
    words = ("--config=set:data.seq_len=32", *words)
    assert run("prepare", "--source", lab / "text", "--output", output, *words) == 0


def train(lab, data):
    sets = ("loop.steps=3", "loop.eval_batches=1", "data.seq_len=32", "data.batch_size=8")
    words = ["config:smoke", *(f"set:{each}" for each in (*sets, f"data.directory={data}"))]
    config = configuration.compose(words, experiments)
    pretrained.presets.pretrained(config, str(lab / "base"))
    (lab / "config.json").write_text(configuration.dump_json(config))
    return run("train", "--run-dir", lab / "run", f"--config=config_file:{lab / 'config.json'}")


def test_a_published_model_is_trained_further(lab, capsys):
    prepare(lab, lab / "bytes")
    assert train(lab, lab / "bytes") == 2
    told = capsys.readouterr().err.strip()
    assert "start_from: " in told and "\n" not in told
    assert f"the data bytes: prepare the data with --tokenizer {lab / 'base'}" in told
    prepare(lab, lab / "data", "--tokenizer", lab / "base")
    assert train(lab, lab / "data") == 0  # in the folder of the run that was refused
    program, state, step = commands._run.open_run(lab / "run")
    base = commands._run.open_run(lab / "base").state.variables
    assert step == 3 and program.experiment.model.vocab_size == published.VOCABULARY
    assert {leaf.dtype.name for leaf in jax.tree.leaves(state.params)} == {"float32"}
    begun = program.baseline()
    jax.tree.map(np.testing.assert_array_equal, begun.params, base)
    moved = jax.tree.map(lambda one, other: bool((one != other).any()), state.params, base)
    assert all(jax.tree.leaves(moved))
    output = lab / "exported"
    words = ("--format", "huggingface", "--output", output)
    assert run("export", "--run-dir", lab / "run", *words) == 0
    assert (output / "tokenizer.json").read_bytes() == (lab / "model/tokenizer.json").read_bytes()


def test_it_converses_by_its_template(lab, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("one\ntwo\n"))
    assert run("generate", "--run-dir", lab / "base", "--chat", "--max-tokens", 3) == 0
    assert capsys.readouterr().out.count("\n") >= 2
