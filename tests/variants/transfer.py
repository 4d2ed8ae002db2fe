"""What a run that starts from another reaches, beside one from scratch, on few examples."""

import statistics
import time
from pathlib import Path
from typing import NamedTuple

from ..support import rendering
from . import training
from .projects import Project

SCRIPT = rendering.ROOT / "benchmarks" / "few_digits.py"
SHORT = (
    "data.directory=data/few",
    "data.batch_size=12",
    "optimizer.schedule.warmup_steps=15",
    "loop.steps=150",
)
TUNED = ("start_from=runs/many", "optimizer.learning_rate=3e-3")
"""From scratch, the experiment's own rate is better; tuned more gently, a third of it."""


class Reached(NamedTuple):
    """Mean accuracies.

    Attributes:
        transfer: of runs that start from one on other classes.
        scratch: of runs that do not.
        seconds: that one of the former took.
    """

    transfer: float
    scratch: float
    seconds: float


def measure(project: Project, seeds: int, output: Path) -> Reached:
    """Mean accuracy over some seeds for six digits, of which it has seen two images each.

    Args:
        project: An image project.
        seeds: How many.
        output: A file for metrics.
    """
    folder = project.path / "digits"
    project.tool("python", str(SCRIPT), str(folder))
    for name in ("many", "few"):
        words = ("--source", str(folder / name), "--output", f"data/{name}")
        project.command("prepare", "--config=config:smoke", *words)
    training.finish(project, "runs/many", "smoke", "data.directory=data/many")
    reached: dict[str, list[float]] = {"transfer": [], "scratch": []}
    seconds = 0.0
    for seed in range(seeds):
        for name, found in reached.items():
            run, more = f"runs/{name}{seed}", TUNED if name == "transfer" else ()
            started = time.monotonic()
            training.finish(project, run, "smoke", *SHORT, *more, f"seed={seed}")
            seconds += time.monotonic() - started if name == "transfer" else 0.0
            found.append(training.evaluate(project, run, output)["accuracy"])
    means = {name: statistics.mean(found) for name, found in reached.items()}
    return Reached(means["transfer"], means["scratch"], seconds / seeds)
