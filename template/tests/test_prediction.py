"""What a trained run is good for: predictions, evaluation of own files, an exported model."""

import csv
import json
from typing import Any

import jax
import numpy as np
import pytest

from . import tiny, tiny_task
from .project import command_line, commands, training


def run(*words):
    return command_line.main([str(word) for word in words])


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with a trained run; the data set that it was trained on is gone."""
    folder = tmp_path_factory.mktemp("lab")
    data = tiny_task.prepare(folder)
    options = [f"--config={each}" for each in tiny.directives(data, "mesh.data=8")]
    assert run("train", "--run-dir", folder / "run", *options) == 0
    data.rename(folder / "elsewhere")
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return tiny_task.own_files(tmp_path_factory.mktemp("own"))


def test_predictions_are_the_same_in_either_format(lab, own, tmp_path, capsys):
    words = ("predict", "--run-dir", lab / "run", "--source", *own)
    for name in ("out.csv", "out.jsonl"):
        assert run(*words, "--output", tmp_path / name) == 0
    told = capsys.readouterr().out
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(rows) > 1 and f"{len(rows)} predictions" in told
    with (tmp_path / "out.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert [list(row) for row in table] == [list(row) for row in rows]
    for one, other in zip(table, rows, strict=True):
        assert list(one.values()) == ["" if x is None else str(x) for x in other.values()]
    assert run(*words) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows


def test_own_files_are_evaluated(lab, own, tmp_path, capsys):
    words = ("evaluate", "--run-dir", lab / "run", "--source", *own)
    assert run(*words, "--output", tmp_path / "metrics.json") == 0
    printed = dict(line.split() for line in capsys.readouterr().out.splitlines()[1:])
    metrics = json.loads((tmp_path / "metrics.json").read_text())["metrics"]
    assert {"loss", *tiny_task.METRICS} <= set(metrics) == set(printed)
    assert all(np.isfinite(value) for value in metrics.values())


def test_results_are_drawn_or_it_is_said_why_not(lab, own, tmp_path, capsys):
    words = ("evaluate", "--run-dir", lab / "run", "--source", *own)
    prediction = commands._run.open_run(lab / "run").program.prediction
    drawn = isinstance(prediction, training.prediction.Plots)
    assert run(*words, "--plot", tmp_path / "plot.png") == (0 if drawn else 2)
    assert (tmp_path / "plot.png").exists() == drawn
    if drawn:
        assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    else:
        assert "no method `plot`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("predict", "--source", "nothing-here*"), "nothing-here*"),
        (("predict", "--source", "x", "--output", "x.txt"), ".csv or .jsonl"),
        (("predict", "--source", "x", "--plot", "x.jpg"), ".png"),
        (("predict", "--source", "x", "--output", "no/where.csv"), "does not exist"),
        (("evaluate", "--source", "x", "--batches", "2"), "--batches"),
    ],
)
def test_a_mistake_gets_one_line(lab, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    command, *rest = words
    assert run(command, "--run-dir", lab / "run", *rest) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert message in error
    assert not list(tmp_path.iterdir())


def test_an_exported_model_predicts_what_the_run_predicts(lab, own, tmp_path):
    assert run("export", "--run-dir", lab / "run", "--output", tmp_path / "model") == 0
    program, state, step = commands._run.open_run(lab / "run")
    experiment = program.experiment
    signature = json.loads((tmp_path / "model" / "signature.json").read_text())
    assert signature["step"] == step == 10
    record = (tmp_path / "model" / "data_set.json").read_text()
    assert record == (lab / "run" / "data_set.json").read_text()
    specs = experiment.prediction.input_specs(experiment.data)
    assert {name: each["shape"][0] for name, each in signature["inputs"].items()} == dict.fromkeys(
        specs, "batch"
    )

    exported = jax.export.deserialize((tmp_path / "model" / "model.stablehlo").read_bytes())
    chunks = list(experiment.prediction.read(experiment.data, own, targets=True))
    with jax.set_mesh(program.mesh):
        results = list(program.predict(state, chunks))
    for size in (1, 3):  # neither is the batch size of training
        inputs = {name: jax.numpy.asarray(results[0].batch[name][:size]) for name in specs}
        outputs: Any = exported.call(inputs)
        assert set(outputs) == set(results[0].outputs) == set(signature["outputs"])
        for name, array in outputs.items():
            expected = results[0].outputs[name][:size]
            np.testing.assert_allclose(
                np.asarray(array, np.float32), expected, rtol=0.05, atol=0.05
            )


def test_an_export_is_not_replaced_unasked(lab, tmp_path, capsys):
    words = ("export", "--run-dir", lab / "run", "--output", tmp_path / "model")
    assert run(*words) == 0
    assert run(*words) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert run(*words, "--overwrite") == 0
