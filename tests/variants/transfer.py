"""What a run that starts from another reaches, beside one from scratch, on few examples."""

import statistics
import time
from pathlib import Path
from typing import NamedTuple

from ..support import rendering
from . import training
from .projects import Project

SCRIPT = rendering.ROOT / "benchmarks" / "shapes.py"
SIZE = ("data.height=16", "data.width=16")
SHORT = (
    "data.directory=data/few",
    "data.batch_size=25",
    "optimizer.schedule.warmup_steps=15",
    "loop.steps=150",
)


class Reached(NamedTuple):
    """Mean accuracies.

    Attributes:
        transfer: of runs that start from one on six other shapes.
        scratch: of runs that do not.
        seconds: that one of the former took.
    """

    transfer: float
    scratch: float
    seconds: float


def measure(project: Project, seeds: int, output: Path) -> Reached:
    """Mean accuracy over some seeds for five shapes, of which it has seen five images each.

    Args:
        project: An image project.
        seeds: How many.
        output: A file for metrics.
    """
    folder = project.path / "shapes"
    project.tool("python", str(SCRIPT), str(folder))
    for name in ("many", "few"):
        words = ("--source", str(folder / name), "--output", f"data/{name}")
        sizes = (f"--config=set:{field}" for field in SIZE)
        project.command("prepare", "--config=config:smoke", *sizes, *words)
    training.finish(project, "runs/many", "smoke", "data.directory=data/many", *SIZE)
    reached: dict[str, list[float]] = {"transfer": [], "scratch": []}
    seconds = 0.0
    for seed in range(seeds):
        for name, found in reached.items():
            run = f"runs/{name}{seed}"
            more = ("start_from=runs/many",) if name == "transfer" else ()
            started = time.monotonic()
            training.finish(project, run, "smoke", *SIZE, *SHORT, *more, f"seed={seed}")
            seconds += time.monotonic() - started if name == "transfer" else 0.0
            found.append(training.evaluate(project, run, output)["accuracy"])
    means = {name: statistics.mean(found) for name, found in reached.items()}
    return Reached(means["transfer"], means["scratch"], seconds / seeds)
