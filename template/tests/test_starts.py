"""A start that is refused leaves everything as it was; a run that has lost something is refused."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import pytest

from . import tiny, tiny_task
from .project import command_line, errors, package, reporting, storage, training

check_metrics = reporting.writers.check_metrics

COLLECTS = """
import gc, importlib, os, signal, sys
name, *words = sys.argv[1:]

def collect(experiment):
    gc.callbacks.append(lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    gc.collect()
    signal.pause()

importlib.import_module(f"{name}.training.experiment").Experiment.make_mesh = collect
sys.exit(importlib.import_module(f"{name}.__main__").main(words))
"""


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    data = tiny.prepare(tmp_path_factory.mktemp("data"))
    return [f"--config={each}" for each in tiny.directives(data, "checkpoint.every=2")]


@pytest.fixture(scope="module")
def trained(options, tmp_path_factory):
    run = tmp_path_factory.mktemp("trained") / "run"
    assert train(run, *options) == 0
    return run


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "runs" / "run")


def train(run, *words):
    return command_line.main(["train", "--run-dir", str(run), *words])


def content(folder):
    return {
        path.relative_to(folder): path.is_file() and path.read_bytes()
        for path in folder.rglob("*")
        if path.name != ".lock"
    }


def refusal(capsys):
    error = capsys.readouterr().err
    (line,) = (line for line in error.splitlines() if line.startswith("error: "))
    assert "Traceback" not in error
    return line


@pytest.fixture
def impossible(monkeypatch):
    """The step cannot be compiled, as where an array is larger than the memory."""

    def refuse(*_):
        raise errors.UserError("the step cannot be compiled")

    with monkeypatch.context() as patched:
        patched.setattr(training.program.Program, "compile_train_step", refuse)
        yield


def test_a_refused_start_leaves_no_run_behind(tmp_path, options, impossible, capsys):
    assert train(tmp_path / "run", *options) == 2
    assert "cannot be compiled" in refusal(capsys)
    assert not list(tmp_path.iterdir())


def test_a_change_that_cannot_be_made_leaves_the_run_as_it_was(run, options, capsys):
    before = content(run)
    other = [*options, f"--config=set:{tiny_task.OTHER_MODEL}"]
    assert train(run, *other, "--allow-config-change") == 2
    line = refusal(capsys)
    assert "fits this configuration (step 10: " in line and "NoEntryError" not in line
    assert content(run) == before
    assert train(run, *options) == 0
    assert "finished after 10 steps" in capsys.readouterr().out


def test_what_is_begun_anew_lies_beside_what_was(run, options, tmp_path, impossible, capsys):
    before = content(run)
    assert train(run, *options, "--from-scratch") == 2  # and everything moves back
    assert "cannot be compiled" in refusal(capsys)
    assert content(run) == before
    assert [path.name for path in run.parent.iterdir()] == ["run"]


def remove_checkpoints(run):
    shutil.rmtree(run / "checkpoints")
    return "checkpoints"


def empty_checkpoints(run):
    for path in (run / "checkpoints").iterdir():
        shutil.rmtree(path)
    return "checkpoints"


def remove_configuration(run):
    (run / "config.json").unlink()
    return "config.json"


def halve_metrics(run):
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(lines[:5]))
    return "metrics.jsonl: 5 of 10 lines up to step 10 are left"


@pytest.mark.parametrize(
    "lose", [remove_checkpoints, empty_checkpoints, remove_configuration, halve_metrics]
)
def test_a_run_that_has_lost_something_is_refused(run, options, lose, capsys):
    named = lose(run)
    before = content(run)
    assert train(run, *options) == 2
    line = refusal(capsys)
    assert line.startswith(f"error: {run / named}") and "--from-scratch" in line
    assert content(run) == before


def test_from_scratch_moves_the_run_aside(run, options, capsys):
    remove_checkpoints(run)
    lost = content(run)
    one = [*options, "--config=set:loop.steps=1", "--from-scratch"]
    for number in (1, 2):
        assert train(run, *one) == 0
        aside = run.with_name(f"run.{number}")
        output = capsys.readouterr().out
        assert f"what was in {run} is in {aside} now\n" in output
        assert "finished after 1 steps" in output
    assert content(run.with_name("run.1")) == lost
    assert (run.with_name("run.2") / "checkpoints" / "1").is_dir()
    assert (run / "checkpoints" / "1").is_dir()


def imports(process, run):
    return "tensorstore" in Path(f"/proc/{process.pid}/maps").read_text()


def prepares(process, run):
    return (run / ".lock").exists()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux")
@pytest.mark.parametrize(
    ("number", "moment", "code", "said"),
    [
        (signal.SIGTERM, imports, 7, "stopped by SIGTERM; nothing is saved yet"),
        (signal.SIGINT, imports, 130, "stopped by Ctrl-C; nothing is saved yet"),
        (signal.SIGINT, prepares, 130, "stopped by Ctrl-C; nothing is saved yet"),
    ],
)
def test_a_signal_before_the_first_step(tmp_path, options, number, moment, code, said):
    run = tmp_path / "run"
    words = ["train", "--run-dir", str(run), "--exit-code-when-stopped", "7", *options]
    # A process inherits what is ignored, as Ctrl-C is where tests run in the background.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, "-m", package.__name__, *words],
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    signal.signal(signal.SIGINT, before)
    while process.poll() is None and not moment(process, run):
        time.sleep(0.01)
    process.send_signal(number)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == code, output
    # Where the loop has taken over in the meantime, it stops before its first step.
    assert said in output or "stopped before the first step" in output
    assert "Traceback" not in output
    assert moment is not imports or not run.exists()


def test_a_signal_while_garbage_is_collected(tmp_path, options):
    """What a handler raises then is printed and forgotten."""
    words = ["train", "--run-dir", str(tmp_path / "run"), "--exit-code-when-stopped", "7", *options]
    ended = subprocess.run(
        [sys.executable, "-c", COLLECTS, package.__name__, *words],
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 7, ended.stderr
    assert "stopped by SIGTERM; nothing is saved yet" in ended.stdout
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "error",
    [
        jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 36 bytes.\nMore"),
        OSError(28, "No space left on device"),
    ],
)
def test_no_room_is_one_line(tmp_path, options, monkeypatch, capsys, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(training.program.Program, "compile_train_step", fail)
    code = train(tmp_path / "run", *options)
    line = refusal(capsys)
    if isinstance(error, OSError):
        assert code == 1 and "No space left on device: make room" in line
    else:
        assert code == 2 and "Out of memory allocating 36 bytes (memory of each device: " in line


def test_a_picture_that_cannot_be_written_hides_no_other_error(
    tmp_path, options, monkeypatch, capsys, caplog
):
    def fail(*_):
        raise OSError(28, "No space left on device")

    def fail_to_save(*_, **__):
        raise errors.Unsaved("checkpoint 2 could not be written")

    monkeypatch.setattr(reporting.curves, "write_atomically", fail)
    monkeypatch.setattr(storage.checkpoints.Checkpoints, "save", fail_to_save)
    assert train(tmp_path / "run", *options) == 1
    assert "checkpoint 2 could not be written" in refusal(capsys)
    assert "curves.png could not be drawn: No space left on device" in caplog.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: [*lines[:3], b"\xff\xfe", *lines[4:]], "line 4 is damaged"),
        (lambda lines: [*lines[:3], lines[3][:9], *lines[4:]], "line 4 is damaged"),
        (lambda lines: lines[:3], "3 of 8 lines up to step 8 are left"),
        (lambda lines: lines[3:], "5 of 8 lines up to step 8 are left"),
        (lambda lines: [*lines[:7], lines[7][:9]], "7 of 8 lines up to step 8 are left"),
    ],
)
def test_damaged_metrics_are_named(trained, tmp_path, change, message):
    path = tmp_path / "metrics.jsonl"
    lines = (trained / "metrics.jsonl").read_bytes().split(b"\n")[:-1]
    path.write_bytes(b"\n".join(change(lines)))
    with pytest.raises(errors.UserError, match=rf"{path}: {message}; .*--from-scratch"):
        check_metrics(path, 8, 8)


def test_metrics_that_a_killed_run_leaves_are_no_damage(trained, tmp_path, caplog):
    path = tmp_path / "metrics.jsonl"
    check_metrics(path, 0, None)
    text = (trained / "metrics.jsonl").read_text()
    path.write_text(text)
    check_metrics(path, 8, 8)  # with two lines after the step
    assert not caplog.records
    path.write_text(text[:-20])
    check_metrics(path, 8, 8)
    assert f"{path}: the last line was torn and is dropped" in caplog.text
    path.unlink()
    check_metrics(path, 8, 8)
    assert f"{path} is gone: the numbers up to step 8 are lost" in caplog.text
