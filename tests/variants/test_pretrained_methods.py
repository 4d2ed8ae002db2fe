"""Chat models from elsewhere, trained by methods of every kind on conversations, and killed."""

import json
from pathlib import Path

import pytest

from ..support import history
from . import projects, training
from .peer import Peer
from .projects import Project

NIGHTLY = pytest.mark.nightly

EXPERIMENTS = '''"""Experiments that start from a model which was imported."""

import fiddle as fdl

from . import experiments
from .post_training.experiment import PostTraining


def _of(config: fdl.Config[PostTraining], name: str, kind: str) -> fdl.Config[PostTraining]:
    experiments.pretrained(config, f"runs/{name}")
    config.data.directory = f"data/{name}/{kind}"
    config.data.max_prompt_tokens, config.data.max_response_tokens = 64, 24
    config.data.batch_size = 4
    config.prediction.max_response_tokens = 24
    config.optimizer.learning_rate = 1e-3
    config.loop.steps, config.loop.eval_every, config.loop.eval_batches = 8, 4, 1
    config.checkpoint.every = 2
    return config


def sft(name: str) -> fdl.Config[PostTraining]:
    """All weights, on conversations."""
    return _of(experiments.sft(), name, "demonstrations")


def lora(name: str) -> fdl.Config[PostTraining]:
    """Low-rank updates, on conversations."""
    return _of(experiments.sft_lora(), name, "demonstrations")


def dpo(name: str) -> fdl.Config[PostTraining]:
    """Pairs of responses to conversations."""
    return _of(experiments.dpo(), name, "preferences")


def grpo(name: str) -> fdl.Config[PostTraining]:
    """Rewards for responses to conversations."""
    config = _of(experiments.grpo(), name, "prompts")
    config.method.rewards.names, config.method.rewards.weights = ("length", "number"), (1.0, 0.5)
    config.method.completions = 2
    return config
'''


def talk(number: int) -> dict[str, list[dict[str, str]]]:
    """A question, and a right and a wrong answer to it, as messages."""
    ask = f"What is {number} plus 1?"
    answers = {"chosen": f"It is {number + 1}.", "rejected": f"It is {number}."}
    messages = {name: [{"role": "assistant", "content": text}] for name, text in answers.items()}
    return {"prompt": [{"role": "user", "content": ask}], **messages}


TALKS = [talk(number) for number in range(60)]
KINDS = {
    "demonstrations": ("sft", [{"messages": [*t["prompt"], *t["chosen"]]} for t in TALKS]),
    "preferences": ("dpo", TALKS),
    "prompts": ("grpo", [{"prompt": t["prompt"], "answer": n + 1} for n, t in enumerate(TALKS)]),
}


@pytest.fixture(scope="module")
def project(
    template: Path,
    oldest: str,
    peer: Peer,
    environments: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Project:
    """A project that has imported the models, and prepared conversations for each."""
    folder = tmp_path_factory.mktemp("chat-models")
    peer.run("chat_models", "make", folder / "models")
    made = projects.make(template, folder / "project", oldest, environments, task="post-training")
    (made.path / "src" / made.package / "chats.py").write_text(EXPERIMENTS)
    history.commit(made.path)
    prepare(made, folder / "models")
    return made


def prepare(project: Project, models: Path) -> None:
    """Import the models, and prepare data with the tokenizer of each."""
    for kind, (_, rows) in KINDS.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (project.path / f"{kind}.jsonl").write_text(text)
    for model in sorted(path.name for path in models.iterdir()):
        run = f"runs/{model}"
        project.command("import", "--source", str(models / model), "--output", run)
        for kind, (method, _) in KINDS.items():
            experiment = f"--config=config:chats.{method}('{model}')"
            project.command("prepare", experiment, "--source", f"{kind}.jsonl")


@pytest.mark.xdist_group("pretrained")
@pytest.mark.parametrize(
    ("model", "method"),
    [
        ("qwen3", "grpo"),
        pytest.param("gemma3", "lora", marks=NIGHTLY),
        pytest.param("qwen3", "sft", marks=NIGHTLY),
        pytest.param("qwen3", "lora", marks=NIGHTLY),
        pytest.param("qwen3", "dpo", marks=NIGHTLY),
        pytest.param("gemma3", "sft", marks=NIGHTLY),
        pytest.param("gemma3", "dpo", marks=NIGHTLY),
        pytest.param("gemma3", "grpo", marks=NIGHTLY),
    ],
)
def test_a_killed_run_of_an_imported_model_goes_on_as_if_it_had_not_been(
    project: Project, tmp_path: Path, model: str, method: str
) -> None:
    whole, killed = (f"runs/{model}-{method}-{how}" for how in ("whole", "killed"))
    experiment = f"chats.{method}('{model}')"
    training.finish(project, whole, experiment)
    training.kill_at(project, killed, 5, experiment)
    training.finish(project, killed, experiment)
    ours, theirs = (
        [
            {name: value for name, value in row.items() if not clocked(name)}
            for row in training.metrics(project, run)
        ]
        for run in (whole, killed)
    )
    assert [row["step"] for row in ours] == list(range(1, 9))
    assert ours == theirs
    kind = next(kind for kind, (like, _) in KINDS.items() if like == method.replace("lora", "sft"))
    output = tmp_path / "responses.jsonl"
    source = ("--run-dir", killed, "--source", f"{kind}.jsonl")
    project.command("predict", *source, "--output", str(output))
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert len(rows) == len(TALKS)
    assert "What is 59 plus 1?" in rows[59]["prompt"]
    assert rows[59]["expected"] in ("60", "It is 60.")
    project.command("evaluate", *source)


def clocked(metric: str) -> bool:
    """Whether a metric tells the time."""
    return metric == "time" or metric.endswith("_per_second")
