"""The tracker writes what W&B reads; W&B runs offline here, and its files are read back."""

import contextlib
import json
import math
import os
import subprocess
import time

import pytest
import wandb
from wandb.proto import wandb_internal_pb2

from .project import errors, reporting

# Protobuf makes this class when the module is imported.
Record = wandb_internal_pb2.Record  # pyright: ignore[reportAttributeAccessIssue]

BLOCK = 32768
CONFIG = {"seed": 3, "optimizer": {"learning_rate": 1e-3}}


@pytest.fixture(autouse=True)
def _offline(monkeypatch, tmp_path):
    """W&B as on a machine that has no account and no network."""
    wandb.teardown()  # the process of earlier tests, to which a variable of the environment points
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)  # `wandb offline` leaves a file in the folder it is called in
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    yield
    wandb.teardown()


def fragments(path):
    """The parts of records: type and content.

    A part is a checksum, its length, its type and its content; none crosses the end of a block.
    """
    content, at = path.read_bytes(), 7  # after the file's own header
    while at + 7 <= len(content):
        length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        yield kind, content[at + 7 : at + 7 + length]
        at += 7 + length
        if BLOCK - at % BLOCK < 7:
            at += BLOCK - at % BLOCK


def records(run):
    """All that the W&B runs in a run's folder were told, in order."""
    wandb.teardown()  # its process has written everything when it has ended
    found, gathered = [], b""
    for path in sorted(run.glob("tracker/wandb/offline-run-*/*.wandb")):
        for kind, part in fragments(path):
            gathered += part
            if kind in (1, 4):  # a whole record, or its last part
                found.append(Record.FromString(gathered))
                gathered = b""
    return found


def history(run):
    """For each call of `write`, what W&B was told."""
    rows = [
        {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in row.item}
        for row in (record.history for record in records(run) if record.HasField("history"))
    ]
    return [
        {name: value for name, value in row.items() if not name.startswith("_")} for row in rows
    ]


def runs(run):
    """The W&B runs in a run's folder, one for each start."""
    return [record.run for record in records(run) if record.HasField("run")]


def exit_codes(run):
    """How the W&B runs in a run's folder ended."""
    return [record.exit.exit_code for record in records(run) if record.HasField("exit")]


def open_tracker(run, resume_step=0):
    return reporting.tracker.open_tracker(run / "tracker", resume_step, CONFIG)


def test_metrics_and_configuration_are_written(tmp_path):
    run = tmp_path / "first"
    tracker = open_tracker(run)
    tracker.write(1, {"train/loss": 2.0, "train/grad_norm": math.nan})
    tracker.flush()
    tracker.write(2, {"train/loss": 1.0, "eval/loss": 1.5})
    tracker.close()
    first, second = history(run)
    assert math.isnan(float(first.pop("train/grad_norm")))
    assert first == {"step": 1, "train/loss": 2.0}
    assert second == {"step": 2, "train/loss": 1.0, "eval/loss": 1.5}

    (told,) = runs(run)
    project = reporting.__name__.partition(".")[0].replace("_", "-")
    assert (told.display_name, told.project) == ("first", project)
    config = {item.key: json.loads(item.value_json) for item in told.config.update}
    assert CONFIG.items() <= config.items()
    assert exit_codes(run) == [0]


def test_metrics_are_plotted_over_the_step_of_the_training(tmp_path):
    open_tracker(tmp_path / "run").close()
    defined = [record.metric for record in records(tmp_path / "run") if record.HasField("metric")]
    assert [(each.name or each.glob_name, each.step_metric) for each in defined] == [
        ("step", ""),
        ("*", "step"),
    ]


def test_a_resumed_run_goes_on_with_its_wandb_run(tmp_path):
    run = tmp_path / "run"
    for resume_step, loss in ((0, 1.0), (5, 2.0)):
        tracker = open_tracker(run, resume_step)
        tracker.write(6, {"train/loss": loss})
        tracker.close()
        time.sleep(1)  # W&B names the folder of a start by the second
    first, second = runs(run)
    assert first.run_id == second.run_id
    assert [row["train/loss"] for row in history(run)] == [1.0, 2.0]


def test_a_run_from_the_beginning_gets_a_wandb_run_of_its_own(tmp_path):
    for _ in range(2):
        open_tracker(tmp_path / "run").close()
    first, second = runs(tmp_path / "run")
    assert first.run_id != second.run_id


def test_a_run_that_an_exception_ends_is_marked_as_failed(tmp_path):
    tracker = open_tracker(tmp_path / "run")
    with pytest.raises(ZeroDivisionError), contextlib.closing(tracker):
        raise ZeroDivisionError
    assert exit_codes(tmp_path / "run") == [1]


def test_training_goes_on_when_the_process_of_wandb_dies(tmp_path, capsys, monkeypatch):
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Popen)
    tracker = open_tracker(tmp_path / "run")
    tracker.write(1, {"train/loss": 2.0})
    (process,) = [each for each in started if each.poll() is None]
    process.terminate()
    process.wait()
    for step in (2, 3):
        tracker.write(step, {"train/loss": 1.0})
    tracker.close()
    assert capsys.readouterr().err.count("the process of W&B has ended") == 1


def test_a_machine_without_an_account_is_told_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    with pytest.raises(errors.UserError, match=r"wandb login.*WANDB_MODE=offline") as raised:
        open_tracker(tmp_path / "run")
    assert "\n" not in str(raised.value)
