"""Trains each model and prints what it reaches beside its yardsticks: `nox -s quality`."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from ..support import rendering
from . import projects, training
from .projects import Project
from .qualities import QUALITIES

COLUMNS = ("task", "experiment", "metric", "reached", "yardsticks", "seconds")
PATIENCE = 3 * 60 * 60


def yardsticks(project: Project, task: str) -> dict[str, str]:
    """What others reach on the test split, by ``MODEL_METRIC``."""
    script = rendering.ROOT / "benchmarks" / "yardsticks" / f"{task}.py"
    (data,) = (project.path / "data").glob("*/dataset.json")
    lines = project.tool("python", str(script), project.package, str(data.parent)).splitlines()
    return dict(line.removeprefix("test_").split() for line in lines if line.startswith("test_"))


def others(told: dict[str, str], metric: str) -> str:
    """What others reach in one metric."""
    ends = f"_{metric}"
    found = {name.removesuffix(ends): told[name] for name in told if name.endswith(ends)}
    return ", ".join(f"{name} {value}" for name, value in found.items())


def main() -> None:
    """Measures, one project after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="the experiments that take minutes")
    parser.add_argument("--only", default="", metavar="TASK", help="one task")
    arguments = parser.parse_args()
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    for quality in QUALITIES:
        task = quality.answers["task"]
        experiment = quality.longer if arguments.long else quality.experiment
        if not task.startswith(arguments.only) or experiment is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            template = rendering.export(Path(folder) / "template")
            places = (Path(folder) / "lab", sys.executable, Path(folder) / "environments")
            project = projects.make(template, *places, **quality.answers)
            started = time.monotonic()
            training.finish(project, "runs/measured", experiment, patience=PATIENCE)
            seconds = time.monotonic() - started
            metrics = training.evaluate(project, "runs/measured", Path(folder) / "metrics.json")
            told = yardsticks(project, task)
        for metric in quality.bounds:
            reached = f"{metrics[metric]:.4f}"
            cells = (quality.name, experiment, metric, reached, others(told, metric))
            print(f"| {' | '.join(cells)} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
