"""Metric files, progress on the console, curves."""

import contextlib
import io
import json
import math
import struct

import numpy as np
import pytest

from .project import reporting

JsonLinesWriter = reporting.writers.JsonLinesWriter
read_metrics = reporting.writers.read_metrics


def write_steps(path, resume_step, steps):
    writer = JsonLinesWriter(path, resume_step)
    for step in steps:
        writer.write(step, {"train/loss": 1.0 / step})
    writer.close()


def test_a_line_is_a_json_object_with_step_time_and_metrics(tmp_path):
    path = tmp_path / "metrics.jsonl"
    writer = JsonLinesWriter(path, 0)
    writer.write(3, {"train/loss": 0.5, "train/skipped": 1, "eval/loss": np.float64(0.25)})
    (row,) = map(json.loads, path.read_text().splitlines())  # there at once, not only at the end
    writer.close()
    assert row.pop("time") > 1e9
    assert row == {"step": 3, "train/loss": 0.5, "train/skipped": 1, "eval/loss": 0.25}


def test_numbers_that_are_not_finite_are_null_and_read_as_nan(tmp_path):
    path = tmp_path / "metrics.jsonl"
    writer = JsonLinesWriter(path, 0)
    writer.write(1, {"a": math.nan, "b": math.inf, "c": 2.0})
    writer.close()

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    row = json.loads(path.read_text(), parse_constant=refuse)
    assert (row["a"], row["b"], row["c"]) == (None, None, 2.0)
    (read,) = read_metrics(path)
    assert math.isnan(read["a"])
    assert math.isnan(read["b"])
    assert read["c"] == 2.0


@pytest.mark.parametrize("torn", ["", '{"step": 6, "ti', '{"step": 6}', "\0\0\0\0"])
def test_each_step_stands_once_after_a_kill(tmp_path, torn):
    path = tmp_path / "metrics.jsonl"
    write_steps(path, 0, range(1, 6))
    with path.open("a") as file:
        file.write(torn)
    write_steps(path, 3, range(4, 8))
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [*range(1, 8)]


def test_a_run_from_the_beginning_starts_an_empty_file(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write_steps(path, 0, range(1, 6))
    write_steps(path, 0, [1])
    assert [row["step"] for row in read_metrics(path)] == [1]
    assert read_metrics(tmp_path / "nothing.jsonl") == []


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Console:
    """A progress over 100 steps of 1000 tokens, with a clock that the test turns."""

    def __init__(self, stream=None, *, start=0, enabled=True):
        self.now = 0.0
        self.stream = stream or io.StringIO()
        self.progress = reporting.progress.Progress(
            100, start, 1000, "tokens", enabled=enabled, stream=self.stream, clock=lambda: self.now
        )

    def step(self, step, seconds, **metrics):
        self.now += seconds
        named = {name.replace("_", "/", 1): value for name, value in metrics.items()}
        self.progress.update(step, {"train/loss": 2.5, **named})

    @property
    def lines(self):
        return self.stream.getvalue().splitlines()


def test_the_rate_leaves_out_compilation_and_pauses():
    console = Console()
    assert console.progress.units_per_second is None
    console.step(1, 60.0)
    assert console.progress.units_per_second is None
    console.step(2, 0.5)
    assert console.progress.units_per_second == pytest.approx(2000)
    with console.progress.pause():
        console.now += 1000.0
    console.step(3, 0.5)
    assert console.progress.units_per_second == pytest.approx(2000)


def test_a_failure_in_a_pause_ends_the_pause():
    console = Console()
    console.step(1, 1.0)
    with contextlib.suppress(KeyError), console.progress.pause():
        console.now += 50.0
        raise KeyError
    console.step(2, 1.0)
    assert console.progress.units_per_second == pytest.approx(1000)


def test_the_rate_follows_a_change():
    console = Console()
    for step in range(1, 31):
        console.step(step, 1.0)
    for step in range(31, 61):
        console.step(step, 4.0)
    assert console.progress.units_per_second == pytest.approx(250, rel=0.01)


def test_plain_lines_first_then_every_ten_seconds_then_last():
    console = Console()
    for step in range(1, 101):
        console.step(step, 0.5)
    console.progress.close()
    shown = [int(line.split()[1].split("/")[0]) for line in console.lines]
    assert shown == [1, 21, 41, 61, 81, 100]
    assert console.lines[0] == "step   1/100  loss 2.500"
    assert console.lines[2] == "step  41/100  loss 2.500  2.00k tokens/s  ETA 00:30"
    assert console.lines[-1] == "step 100/100  loss 2.500  2.00k tokens/s"


def test_the_remaining_time_counts_pauses():
    console = Console()
    console.step(1, 1.0)
    with console.progress.pause():
        console.now += 10.0
    console.step(11, 10.0)  # 10 steps in 20 seconds, 89 to go
    assert console.lines[-1].endswith("1.00k tokens/s  ETA 02:58")


def test_an_evaluation_gets_a_line():
    console = Console()
    console.step(1, 0.5)
    console.step(2, 0.5, eval_bits_per_byte=1.8034, eval_loss=1.25)
    assert console.lines[1].startswith("step   2/100")
    assert console.lines[2] == "evaluation after step 2: bits_per_byte 1.803  loss 1.250"


def test_other_processes_are_silent():
    for stream in (io.StringIO(), Terminal()):
        console = Console(stream, enabled=False)
        console.step(1, 0.5)
        console.progress.message("hello")
        console.progress.close()
        assert stream.getvalue() == ""


def test_a_message_stands_on_a_line_of_its_own_above_the_bar():
    console = Console(Terminal())
    console.step(1, 0.5)
    console.progress.message("saved")
    console.step(100, 0.5)
    console.progress.close()
    written = console.stream.getvalue()
    assert "\rsaved\n" in written
    assert "100/100  loss 2.500" in written.rpartition("\r")[2]


def test_means_of_a_noisy_series():
    steps = np.arange(1.0, 2051.0)
    noise = np.random.default_rng(0).standard_normal(2050)
    bins, means = reporting.curves.binned(steps, steps + noise)
    assert 100 <= bins.size <= 200 and (bins[0], bins[-1]) == (10.5, 2030.5)
    assert (means - bins).std() < 0.3


def test_what_is_not_finite_is_a_gap():
    values = np.ones(400)
    values[100:150] = np.nan
    values[0] = math.inf
    _, means = reporting.curves.binned(np.arange(400.0), values)
    assert np.isnan(means).sum() == 12  # stretches of four; the others have a finite value each
    assert (means[np.isfinite(means)] == 1.0).all()


def test_a_short_series_stays_as_it_is():
    steps, values = np.arange(7.0), np.arange(7.0) ** 2
    for found, expected in zip(
        reporting.curves.binned(steps, values), (steps, values), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("steps", [0, 1, 2, 60])
def test_curves_of_runs_of_any_length(tmp_path, steps):
    metrics, picture = tmp_path / "metrics.jsonl", tmp_path / "curves.png"
    writer = JsonLinesWriter(metrics, 0)
    for step in range(1, steps + 1):
        row = {"train/loss": 5.0 / step, "train/grad_norm": 1.0, "train/learning_rate": 1e-3}
        if step % 20 == 0:
            row["eval/loss"] = 6.0 / step
        if step == 30:
            row["train/loss"] = math.nan
        writer.write(step, row)
    writer.close()
    reporting.curves.plot_curves(metrics, picture, "a run")
    header = picture.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", header[16:]) == (1600, 800)
