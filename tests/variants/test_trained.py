"""Each model as a user meets it: trained to its stated quality, evaluated, used, exported."""

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ..support import interpreters
from . import own_files, projects, training
from .projects import Project
from .qualities import POST_TRAINING, QUALITIES, Quality


class Trained(NamedTuple):
    """A trained project.

    Attributes:
        project: the project.
        quality: the quality that its run must have.
    """

    project: Project
    quality: Quality


def variants() -> Iterator[object]:
    """Each quality with an interpreter, the oldest or the newest in turn.

    The language model, whose runs are killed too, has the newest: all of its project's own tests
    run on the oldest (`test_rows.py`).
    """
    pythons = list(interpreters.ends().items())
    for number, quality in enumerate(QUALITIES):
        if quality is POST_TRAINING:
            continue  # it has a file of its own
        name, path = pythons[-1 if quality.resumes else number % len(pythons)]
        label = f"{quality.name}-{name}"
        yield pytest.param((quality, path), id=label, marks=pytest.mark.xdist_group(label))


@pytest.fixture(scope="module", params=variants())
def trained(
    request: pytest.FixtureRequest,
    template: Path,
    environments: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Trained:
    """A project in which a run has come to its end, on data that it prepared itself."""
    quality, python = request.param
    path = tmp_path_factory.mktemp("trained") / "proof-lab"
    project = projects.make(template, path, python, environments, **quality.answers)
    training.finish(project, quality.run, quality.experiment)
    return Trained(project, quality)


def test_stated_quality_is_reached(trained: Trained, tmp_path: Path) -> None:
    project, quality = trained
    metrics = training.evaluate(project, quality.run, tmp_path / "metrics.json")
    assert quality.is_reached(metrics), metrics


def test_run_directory_is_complete(trained: Trained) -> None:
    project, quality = trained
    names = {path.name for path in (project.path / quality.run).iterdir()}
    expected = {"metrics.jsonl", "config.txt", "config.json", "environment.json", "curves.png"}
    assert expected <= names
    losses = training.series(project, quality.run, "train/loss")
    evaluated = training.series(project, quality.run, "eval/loss")
    assert max(losses) == max(evaluated), "the last step is not evaluated"
    assert project.changes() == "", "training changes files that git tracks"


def test_own_files_are_predicted(trained: Trained, tmp_path: Path) -> None:
    project, quality = trained
    task = quality.answers["task"]
    expected = own_files.write(task, tmp_path / "own", project.path / quality.run)
    output = tmp_path / "told.jsonl"
    source = str(tmp_path / "own" / "*")
    project.command(
        "predict", "--run-dir", quality.run, "--source", source, "--output", str(output)
    )
    records = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(records) >= expected
    for record in records:
        numbers = [value for value in record.values() if isinstance(value, float)]
        assert numbers or record["response"]
        assert all(map(math.isfinite, numbers))


CALL_EXPORTED = """
import json, pathlib, sys
import jax, jax.numpy as jnp
folder = pathlib.Path(sys.argv[1])
signature = json.loads((folder / "signature.json").read_text())
model = jax.export.deserialize(bytearray((folder / "model.stablehlo").read_bytes()))
def zeros(told):
    return jnp.zeros([3 if size == "batch" else size for size in told["shape"]], told["dtype"])
outputs = model.call({name: zeros(told) for name, told in signature["inputs"].items()})
assert set(outputs) == set(signature["outputs"])
for name, told in signature["outputs"].items():
    assert outputs[name].shape == zeros(told).shape, name
"""


def test_exported_model_runs_without_the_package(trained: Trained, tmp_path: Path) -> None:
    project, quality = trained
    project.command("export", "--run-dir", quality.run, "--output", str(tmp_path / "exported"))
    blocked = f"import sys; sys.modules[{project.package!r}] = None\n"
    project.tool("python", "-c", blocked + CALL_EXPORTED, str(tmp_path / "exported"))


def test_language_model_continues_a_text(trained: Trained) -> None:
    project, quality = trained
    if quality.answers["task"] != "language":
        pytest.skip("no language model")
    told = project.command("generate", "--run-dir", quality.run, "--prompt", "def ")
    assert len(told.strip()) > len("def ")


def test_killed_run_resumes_bit_for_bit(trained: Trained, nightly: bool) -> None:
    """At night it is killed three times and trained to its end; by day it ends with a second kill.

    Between the two it has gone on from a checkpoint and has been evaluated.
    """
    project, quality = trained
    if not quality.resumes:
        pytest.skip(
            "the language model shows it; a project's own tests show it for each task in small"
        )
    losses = training.series(project, quality.run, "eval/loss")
    steps = max(losses)
    if nightly:
        moments = sorted(random.Random(steps).sample(range(steps // 10, steps * 9 // 10), 3))
    else:
        moments = [random.Random(steps).randrange(steps // 4, steps * 2 // 5), steps * 11 // 20]
    for moment in moments:
        training.kill_at(project, "runs/killed", moment)
    if nightly:
        training.finish(project, "runs/killed")
    last = training.last_step(project, "runs/killed")
    assert last == steps if nightly else min(losses) < last < steps
    for metric in ("eval/loss", "train/loss", "train/grad_norm"):
        whole = training.series(project, quality.run, metric)
        expected = {step: value for step, value in whole.items() if step <= last}
        assert training.series(project, "runs/killed", metric) == expected, moments
