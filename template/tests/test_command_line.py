"""The command line, from a bare folder to an evaluated run, and its answers to mistakes."""

import json
import pkgutil
import shutil
import signal

import pytest

from . import tiny, tiny_task
from .project import command_line, commands, reporting


def run(*words):
    return command_line.main([str(word) for word in words])


def options(data, *changes):
    return [f"--config={each}" for each in tiny.directives(data, "mesh.data=8", *changes)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A folder with a trained run."""
    folder = tmp_path_factory.mktemp("lab")
    data = folder / "data"
    assert run("prepare", *tiny_task.prepare_words(folder), *options(data)) == 0
    assert run("train", "--run-dir", folder / "run", *options(data)) == 0
    return folder


def test_a_run_leaves_everything_that_describes_it(lab):
    names = {path.name for path in (lab / "run").iterdir()}
    assert {"config.txt", "config.json", "environment.json", "metrics.jsonl"} <= names
    assert {"checkpoints", "data_set.json", "curves.png"} <= names
    assert "data.batch_size = 8\n" in (lab / "run" / "config.txt").read_text()
    (start,) = json.loads((lab / "run" / "environment.json").read_text())
    assert start["devices"]["count"] == 8 and start["packages"]["jax"]


def test_the_same_command_on_a_finished_run_changes_nothing(lab, capsys):
    before = (lab / "run" / "metrics.jsonl").read_bytes()
    assert run("train", "--run-dir", lab / "run", *options(lab / "data")) == 0
    assert "finished after 10 steps" in capsys.readouterr().out
    assert (lab / "run" / "metrics.jsonl").read_bytes() == before


def test_evaluate_repeats_what_training_reported(lab, capsys):
    words = ("evaluate", "--run-dir", lab / "run", "--split", "validation", "--batches", 2)
    assert run(*words) == 0
    printed = dict(line.split() for line in capsys.readouterr().out.splitlines()[1:])
    last = reporting.writers.read_metrics(lab / "run" / "metrics.jsonl")[-1]
    assert float(printed["loss"]) == pytest.approx(last["eval/loss"], abs=1e-3)
    for name in tiny_task.METRICS:
        assert float(printed[name]) == pytest.approx(last[f"eval/{name}"], abs=1e-3)


def test_evaluate_takes_the_whole_test_split_by_default(lab, capsys):
    assert run("evaluate", "--run-dir", lab / "run") == 0
    assert "after step 10, test split" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["set:optimizer.learning_rat=1"], "optimizer.learning_rate"),
        (["set:loop.steps=two"], "loop.steps"),
        (["set:mesh.model=3"], "mesh: model=3 by data=-1 does not divide the 8 devices"),
        (["set:data.batch_size=12"], "data.batch_size"),
        (["set:optimizer.learning_rate=-1"], "optimizer.learning_rate"),
        (["config:smok"], "smoke"),
    ],
)
def test_a_mistake_gets_one_line_that_names_the_field(tmp_path, capsys, changes, message):
    words = [f"--config={each}" for each in changes]
    assert run("train", "--run-dir", tmp_path / "run", *words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_refuses_another_configuration(lab, capsys):
    words = ("train", "--run-dir", lab / "run")
    assert run(*words, *options(lab / "data", "optimizer.b1=0.5")) == 2
    assert "optimizer.b1: 0.9 -> 0.5" in capsys.readouterr().err
    assert run(*words, *options(lab / "data", "loop.log_every=2")) == 0


def test_a_resumed_run_refuses_other_data(lab, tmp_path, capsys):
    shutil.copytree(lab / "run", tmp_path / "run")
    record = tmp_path / "run" / "data_set.json"
    known = json.loads(record.read_text())
    record.write_text(json.dumps({**known, "fingerprint": "of other data"}))
    words = ("train", "--run-dir", tmp_path / "run", *options(lab / "data"))
    assert run(*words) == 2
    assert "started with other data" in capsys.readouterr().err
    assert run(*words, "--allow-config-change") == 0
    assert json.loads(record.read_text()) == known


def test_a_run_that_is_not_there(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("evaluate", "--run-dir", "nowhere") == 2
    assert "nowhere holds no run" in capsys.readouterr().err


def test_control_c_saves_and_ends_with_130(lab, tmp_path, capsys, monkeypatch):
    from .project import training

    class ControlC(training.interruption.Interruption):
        def requested(self, step):
            if step == 3:
                signal.raise_signal(signal.SIGINT)
            return super().requested(step)

    monkeypatch.setattr(training.loop, "Interruption", ControlC)
    assert run("train", "--run-dir", tmp_path / "run", *options(lab / "data")) == 130
    assert "stopped after step 3, which is saved" in capsys.readouterr().out
    assert (tmp_path / "run" / "checkpoints" / "3").is_dir()


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as ended:
        run("--help")
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    modules = pkgutil.iter_modules(commands.__path__)
    names = {found.name.rstrip("_") for found in modules if not found.name.startswith("_")}
    assert {"prepare", "train", "evaluate", "predict", "export", "config"} <= names
    assert all(name in printed for name in names)
