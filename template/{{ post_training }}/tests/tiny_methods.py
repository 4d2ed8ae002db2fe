"""Each method of post-training, small enough to train in a test."""

import itertools
import json
from pathlib import Path
from typing import Any

import jax

from .project import configuration, data, experiments, parallel, sources, storage, training

METHODS = ("sft", "sft_lora", "dpo", "orpo", "grpo", "gspo", "ppo", "distill")

_FIELDS = (
    "model.d_model=32",
    "model.num_layers=2",
    "model.num_heads=2",
    "model.d_ff=64",
    "optimizer.learning_rate=1e-2",
    "optimizer.schedule.warmup_steps=2",
    "data.batch_size=8",
    "loop.steps=4",
    "loop.eval_every=2",
    "loop.eval_batches=1",
    "checkpoint.every=4",
)


def prepare(folder: Path) -> dict[str, Path]:
    """A small data set of each kind of example."""
    made = {}
    for settings in (data.Demonstrations, data.Preferences, data.Prompts):
        kind = settings.KIND
        file, made[kind.name] = folder / f"{kind.name}.jsonl", folder / kind.name
        records = itertools.islice(kind.sample("reverse"), 120)
        file.write_text("".join(f"{json.dumps(record)}\n" for record in records))
        source = sources.from_patterns([str(file)])
        settings(directory=str(made[kind.name])).prepare(source, overwrite=False, progress=False)
    return made


def directives(method: str, data_sets: dict[str, Path], *changes: str) -> list[str]:
    """A method's tiny experiment as directives of the command line; `changes` are ``FIELD=VALUE``.

    Args:
        method: One of `METHODS`.
        data_sets: What `prepare` gave.
        *changes: Come last, so they win.
    """
    kind = configuration.build(configuration.compose([f"config:{method}"], experiments)).method.DATA
    fields = [f"data.directory={data_sets[kind]}", *_FIELDS]
    if method == "sft_lora":
        fields = [field.replace("model.", "model.base.") for field in fields]
    return [
        f"config:{method}",
        *(f"set:{field}" for field in (*fields, "start_from=None", *changes)),
    ]


def make(method: str, data_sets: dict[str, Path], *changes: str) -> Any:
    """Build a method's tiny experiment, fitted to its data."""
    experiment = configuration.build(
        configuration.compose(directives(method, data_sets, *changes), experiments)
    )
    return experiment.fitted(training.data_settings.info_of(experiment.data))


def run_in(folder: Path) -> storage.run_directory.RunDirectory:
    """A run directory."""
    return storage.run_directory.RunDirectory(folder)


def train(experiment: Any, folder: Path) -> training.loop.Outcome:
    """Train in a run directory, as the command does, but on one of the simulated devices."""
    run, mesh = run_in(folder), parallel.mesh.create_mesh(devices=jax.devices()[:1])
    with run.lock():
        return training.loop.train(experiment, run, mesh)


def make_program(experiment: Any, run: Path | None = None, *, model: int = 1, data: int = 1) -> Any:
    """The program of an experiment on the first of the simulated devices."""
    settings = parallel.mesh.MeshSettings(model=model, data=data)
    mesh = parallel.mesh.create_mesh(settings, jax.devices()[: model * data])
    return training.program.make_program(experiment, mesh, run)


def batches(experiment: Any) -> Any:
    """The batches that training takes, on the host."""
    return iter(experiment.data.train_batches(seed=experiment.seed, process=0, processes=1))


def evaluate(program: Any, state: Any, limit: int | None) -> dict[str, float]:
    """Metrics on the validation split, or on `limit` batches spread over it."""
    share = {"process": 0, "processes": 1}
    return program.evaluate(
        state, program.experiment.data.eval_batches("validation", limit=limit, **share)
    )
