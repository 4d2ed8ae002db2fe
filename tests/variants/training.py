"""Runs of a rendered project, as processes that can be killed."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from .projects import Project, shell

PATIENCE = 900
"""Seconds after which a run that has come to nothing is given up."""


def start(
    project: Project, run: str, experiment: str = "smoke", *changes: str
) -> subprocess.Popen[bytes]:
    """Starts `train` on an experiment; its output goes to a file beside the project.

    Args:
        project: the project.
        run: the folder of the run.
        experiment: its name, with arguments.
        *changes: `FIELD=VALUE`.
    """
    python = project.environment / "bin" / "python"
    config = [f"--config=config:{experiment}", *(f"--config=set:{each}" for each in changes)]
    command = [python, "-m", project.package, "train", *config, "--run-dir", run]
    with log_file(project, run).open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=project.path,
            env=shell(project.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def finish(
    project: Project,
    run: str,
    experiment: str = "smoke",
    *changes: str,
    patience: float = PATIENCE,
) -> None:
    """Trains to the end and checks that the command says so."""
    process = start(project, run, experiment, *changes)
    try:
        code = process.wait(patience)
    finally:
        stop(process)
    assert code == 0, log_file(project, run).read_text()


def evaluate(project: Project, run: str, output: Path) -> dict[str, float]:
    """The metrics of the test split, which training never looks at."""
    split = ("--split", "test", "--output", str(output))
    project.command("evaluate", "--run-dir", run, *split)
    told = json.loads(output.read_text())
    assert told["data"] == "test split"
    return told["metrics"]


def kill_at(
    project: Project, run: str, step: int, experiment: str = "smoke", *changes: str
) -> None:
    """Trains until `metrics.jsonl` has come to `step`, and kills the process with SIGKILL."""
    process = start(project, run, experiment, *changes)
    deadline = time.monotonic() + PATIENCE
    try:
        while last_step(project, run) < step:
            assert process.poll() is None, log_file(project, run).read_text()
            assert time.monotonic() < deadline, f"step {step} was not reached"
            time.sleep(0.01)
        assert process.poll() is None, "the run was over before it could be killed"
    finally:
        stop(process)
    assert process.returncode == -signal.SIGKILL


def stop(process: subprocess.Popen[bytes]) -> None:
    """Kills a process with all that it has started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def metrics(project: Project, run: str) -> list[dict[str, Any]]:
    """The records of `metrics.jsonl`; a line that is still being written is left out."""
    path = project.path / run / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def last_step(project: Project, run: str) -> int:
    """The last step that `metrics.jsonl` records; 0 if there is none."""
    return max((record["step"] for record in metrics(project, run)), default=0)


def series(project: Project, run: str, metric: str) -> dict[int, float]:
    """One metric of a run by step, having checked that each step stands there once."""
    found = [(rec["step"], rec[metric]) for rec in metrics(project, run) if metric in rec]
    assert len(found) == len(dict(found)), f"{metric}: a step is recorded twice"
    assert found == sorted(found), f"{metric}: the steps are out of order"
    assert all(value is not None for _, value in found), f"{metric}: a value is no number"
    return dict(found)


def log_file(project: Project, run: str) -> Path:
    """Where the output of a run goes: beside the project, which it must not change."""
    return project.path.with_name(f"{Path(run).name}.log")
