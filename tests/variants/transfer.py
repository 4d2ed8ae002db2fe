"""What a run that starts from another reaches, beside one from scratch, on few examples."""

import statistics
from pathlib import Path

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


def measure(project: Project, seeds: int, output: Path) -> dict[str, float]:
    """Mean accuracy over some seeds for six digits, of which it has seen two images each.

    Args:
        project: An image project.
        seeds: How many.
        output: A file for metrics.

    Returns:
        ``transfer``, which starts from a run on the four other digits; ``scratch``, which does not.
    """
    folder = project.path / "digits"
    project.tool("python", str(SCRIPT), str(folder))
    for name in ("many", "few"):
        words = ("--source", str(folder / name), "--output", f"data/{name}")
        project.command("prepare", "--config=config:smoke", *words)
    training.finish(project, "runs/many", "smoke", "data.directory=data/many")
    reached: dict[str, list[float]] = {"transfer": [], "scratch": []}
    for seed in range(seeds):
        for name, found in reached.items():
            run, more = f"runs/{name}{seed}", TUNED if name == "transfer" else ()
            training.finish(project, run, "smoke", *SHORT, *more, f"seed={seed}")
            found.append(training.evaluate(project, run, output)["accuracy"])
    return {name: statistics.mean(found) for name, found in reached.items()}
