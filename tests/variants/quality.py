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


def yardsticks(project: Project, task: str, metric: str) -> str:
    """What others reach in the metric on the test split, best known by their names."""
    script = rendering.ROOT / "benchmarks" / "yardsticks" / f"{task}.py"
    if not script.exists():
        return ""
    (data,) = (project.path / "data").glob("*/dataset.json")
    lines = project.tool("python", str(script), project.package, str(data.parent)).splitlines()
    told = dict(line.removeprefix("test_").split() for line in lines if line.startswith("test_"))
    found = {
        name.removesuffix(metric).strip("_"): value
        for name, value in told.items()
        if name.endswith(metric)
    }
    return ", ".join(f"{name} {value}".strip() for name, value in found.items())


def main() -> None:
    """Measures, one project after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="the experiments that take minutes")
    parser.add_argument("--only", default="", metavar="TASK", help="one task")
    arguments = parser.parse_args()
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}", flush=True)
    for quality in QUALITIES:
        task = quality.answers["task"]
        if not task.startswith(arguments.only):
            continue
        experiment = quality.longer if arguments.long else "smoke"
        with tempfile.TemporaryDirectory() as folder:
            template = rendering.export(Path(folder) / "template")
            project = projects.make(
                template, Path(folder) / "lab", sys.executable, **quality.answers
            )
            started = time.monotonic()
            training.finish(project, "runs/measured", experiment, PATIENCE)
            seconds = time.monotonic() - started
            metrics = training.evaluate(project, "runs/measured", Path(folder) / "metrics.json")
            reached = f"{metrics[quality.metric]:.4f}"
            others = yardsticks(project, task, quality.metric)
        cells = (quality.name, experiment, quality.metric, reached, others, f"{seconds:.0f}")
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
