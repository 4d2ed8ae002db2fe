"""Each method of post-training, from a fresh render to its quality, in one project.

The runs follow each other as users would make them: what is fine-tuned first, others start from.
SFT, DPO and GRPO run on every change; the others run at night, and for a few steps in the project's
own tests.

Their seed is 0; `nox -s nightly -- -k post_training --seed=1` takes another.
"""

import json
from pathlib import Path

import pytest

from ..support import history, interpreters
from . import projects, training
from .projects import Project
from .qualities import POST_TRAINING
from .test_trained import (  # noqa: F401 what holds for every task, here of `sft`
    Trained,
    test_exported_model_runs_without_the_package,
    test_own_files_are_predicted,
    test_run_directory_is_complete,
)

pytestmark = pytest.mark.xdist_group("post-training")

NIGHTLY = pytest.mark.nightly

Metrics = dict[str, float]

SAME_WEIGHTS = """
import sys
import jax, numpy as np
from orbax.checkpoint import v1 as ocp
from pathlib import Path

def newest(run):
    return max(Path(run, "checkpoints").glob("[0-9]*"), key=lambda path: int(path.name))

paths = (str(newest(run).absolute()) for run in sys.argv[1:])
begun, adapted = (ocp.load_checkpointables(path)["state"] for path in paths)
jax.tree.map(np.testing.assert_array_equal, adapted["variables"]["base"], begun["params"])
"""


@pytest.fixture(scope="module")
def trained(
    request: pytest.FixtureRequest,
    template: Path,
    environments: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Trained:
    """A project in which the run that others start from has come to its end."""
    path = tmp_path_factory.mktemp("post-training") / "proof-lab"
    python = [*interpreters.ends().values()][-1]
    project = projects.make(template, path, python, environments, **POST_TRAINING.answers)
    if seed := request.config.getoption("seed"):
        experiments = path / "src" / project.package / "experiments.py"
        history.replace(experiments, "        seed=0,\n", f"        seed={seed},\n")
        history.commit(path)
    for experiment in ("sft", "smoke"):
        training.finish(project, f"runs/{experiment}", experiment)
    return Trained(project, POST_TRAINING)


def compare(project: Project, experiment: str, folder: Path) -> tuple[Metrics, Metrics]:
    """Trains an experiment; the metrics of the test split before and after."""
    run, output = f"runs/{experiment}", folder / "metrics.json"
    if not (project.path / run).exists():
        training.finish(project, run, experiment)
    after = training.evaluate(project, run, output)
    return json.loads(output.read_text())["before"], after


def rewards(project: Project, experiment: str, few: int) -> tuple[float, float]:
    """Trains an experiment; the mean rewards of its first and its last steps."""
    run = f"runs/{experiment}"
    training.finish(project, run, experiment)
    values = [*training.series(project, run, "train/reward").values()]
    return sum(values[:few]) / few, sum(values[-few:]) / few


@pytest.mark.parametrize("experiment", ["sft", pytest.param("sft_lora", marks=NIGHTLY)])
def test_fine_tuning_finds_the_responses(trained: Trained, tmp_path: Path, experiment: str) -> None:
    before, after = compare(trained.project, experiment, tmp_path)
    assert before["exact_match"] < 0.1
    assert trained.quality.is_reached(after), after


@pytest.mark.nightly
def test_lora_leaves_the_weights_that_it_began_with(trained: Trained) -> None:
    trained.project.tool("python", "-c", SAME_WEIGHTS, "runs/sft", "runs/sft_lora")


@pytest.mark.parametrize("experiment", ["dpo", pytest.param("orpo", marks=NIGHTLY)])
def test_preferences_are_learned(trained: Trained, tmp_path: Path, experiment: str) -> None:
    before, after = compare(trained.project, experiment, tmp_path)
    assert before["reward_accuracy"] <= 0.55
    assert after["reward_accuracy"] >= 0.75


@pytest.mark.parametrize("experiment", ["grpo", pytest.param("gspo", marks=NIGHTLY)])
def test_rewards_are_found(trained: Trained, experiment: str) -> None:
    first, last = rewards(trained.project, experiment, few=3)
    assert first < 0.15
    assert last >= 0.9


@pytest.mark.nightly
def test_rewards_are_found_with_a_value_model(trained: Trained) -> None:
    first, last = rewards(trained.project, "ppo", few=5)
    assert last >= 5 * first > 0


@pytest.mark.nightly
def test_rewards_go_on_from_where_fine_tuning_ended(trained: Trained, tmp_path: Path) -> None:
    before, after = compare(trained.project, "sft_grpo", tmp_path)
    assert after["exact_match"] >= before["exact_match"] + 0.15


@pytest.mark.nightly
def test_a_student_agrees_with_its_teacher(trained: Trained, tmp_path: Path) -> None:
    before, after = compare(trained.project, "distill", tmp_path)
    assert after["kl"] <= 0.1 * before["kl"]


def test_a_project_that_trains_a_language_model_gives_the_weights(
    trained: Trained, template: Path, environments: Path, tmp_path: Path
) -> None:
    """Its checkpoint is all that is needed, and it can be told from random weights."""
    model = trained.project.command("config", "show", "--config=config:sft").splitlines()
    values = [line for line in model if line.startswith("model.") and " = proof_lab." not in line]
    fields = [line.split("  #")[0] for line in values]
    sets = [f"--config=set:{line.replace(' = ', '=')}" for line in fields]
    python = [*interpreters.ends().values()][-1]
    language = projects.make(template, tmp_path / "language", python, environments, task="language")
    pretrained = language.path / "runs" / "short"
    short = ("--config=set:loop.steps=20", "--config=set:loop.eval_every=20")
    language.command(
        *("train", "--config=config:smoke", *sets, *short, "--run-dir", str(pretrained))
    )
    projects.install(trained.project.path, python, environments)  # which took its place
    words = ("--config=set:loop.steps=1", f"--config=set:start_from={pretrained}")
    trained.project.command("train", "--config=config:sft", *words, "--run-dir", "runs/pretrained")
    first, random = (
        training.series(trained.project, run, "train/loss")[1]
        for run in ("runs/pretrained", "runs/sft")
    )
    assert first < random
