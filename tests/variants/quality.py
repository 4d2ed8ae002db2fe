"""Trains each model and prints what it reaches beside its yardsticks: `nox -s quality`."""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from ..support import rendering
from . import projects, public_series, training, transfer
from .projects import Project
from .qualities import QUALITIES

COLUMNS = ("task", "experiment", "metric", "reached", "yardsticks", "seconds")
PATIENCE = 3 * 60 * 60
VOCABULARY = 1024
"""Ids of the tokenizer (byte-level BPE) that the language model is measured with beside bytes."""
PROBE = 60
"""Steps that show how fast it trains with them."""

SEEDS = 3
"""Runs that fine-tuning is measured with."""


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


def train_on_tokens(project: Project, experiment: str) -> None:
    """Trains `runs/bpe` on tokens of BPE for as long as `runs/measured` was trained on bytes."""
    data = "data.directory=data/bpe"
    project.command("prepare", "--train-tokenizer", str(VOCABULARY), "--output", "data/bpe")
    short = (f"loop.steps={PROBE}", f"loop.eval_every={PROBE}")
    training.finish(project, "runs/probe", experiment, data, *short)
    ratio = tokens_per_second(project, "runs/probe") / tokens_per_second(project, "runs/measured")
    steps = f"loop.steps={round(ratio * training.last_step(project, 'runs/measured'))}"
    training.finish(project, "runs/bpe", experiment, data, steps, patience=PATIENCE)


def tokens_per_second(project: Project, run: str) -> float:
    """How fast a run trains, whatever disturbs some of its steps."""
    return statistics.median(training.series(project, run, "train/tokens_per_second").values())


def main() -> None:
    """Measures, one project after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--long", action="store_true", help="the experiments that take minutes")
    parser.add_argument("--only", default="", metavar="TASK", help="one task")
    parser.add_argument("--series", action="store_true", help="public series, one by one, instead")
    arguments = parser.parse_args()
    if arguments.series:
        public_series.main()
        return
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
            output = Path(folder) / "metrics.json"
            measured = {quality.name: training.evaluate(project, "runs/measured", output)}
            told, transferred = yardsticks(project, task), {}
            if quality.answers.get("architecture") == "resnet" and not arguments.long:
                transferred[f"{quality.name}-transfer"] = transfer.measure(project, SEEDS, output)
            if task == "language":
                train_on_tokens(project, experiment)
                measured[f"{task}-bpe"] = training.evaluate(project, "runs/bpe", output)
        for name, metrics in measured.items():
            for metric in (*quality.bounds, *quality.near):
                cells = (name, experiment, metric, f"{metrics[metric]:.4f}", others(told, metric))
                print(f"| {' | '.join(cells)} | {seconds:.0f} |", flush=True)
        for name, (reached, scratch, seconds) in transferred.items():
            cells = (name, "smoke", "accuracy", f"{reached:.4f}", f"from scratch {scratch:.4f}")
            print(f"| {' | '.join(cells)} | {seconds:.0f} |", flush=True)


if __name__ == "__main__":
    main()
