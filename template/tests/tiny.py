"""An experiment small enough to train in a test, on a text of its own."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np

from .project import configuration, experiments, parallel, preparation, sources, training

WORDS = ("def", "return", "for", "in", "if", "else", "not", "while", "import", "class", "self")


def write_corpus(folder: Path) -> Path:
    """A few dozen documents of pseudo-code, as text files."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for number in range(60):
        words = random.choice(WORDS, size=random.integers(40, 120))
        lines = [" ".join(words[at : at + 8]) for at in range(0, len(words), 8)]
        (folder / f"{number:02}.txt").write_text(f"# {number}\n" + "\n".join(lines) + "\n")
    return folder


def prepare(folder: Path) -> Path:
    """The corpus as a prepared data set."""
    files = tuple(sorted(write_corpus(folder / "text").iterdir()))
    source = sources.Source(name="tests", files=files)
    directory = folder / "data"
    preparation.prepare_text(source, directory, seq_len=32, overwrite=False, progress=False)
    return directory


def directives(data: Path, *changes: str) -> list[str]:
    """The tiny experiment as directives of the command line; `changes` are ``FIELD=VALUE``."""
    fields = [
        f"data.directory={data}",
        "data.seq_len=32",
        "data.batch_size=8",
        "model.d_model=32",
        "model.num_layers=2",
        "model.num_heads=2",
        "model.d_ff=64",
        "optimizer.learning_rate=1e-2",
        "optimizer.schedule.warmup_steps=2",
        "loop.steps=10",
        "loop.eval_every=5",
        "loop.eval_batches=2",
        "checkpoint.every=2",
    ]
    return ["config:smoke", *(f"set:{field}" for field in (*fields, *changes))]


def make(data: Path, *changes: str) -> training.experiment.Experiment:
    """Build the tiny experiment."""
    return configuration.build(configuration.compose(directives(data, *changes), experiments))


def make_mesh(model: int = 1, data: int = 1, fsdp: bool = False) -> jax.sharding.Mesh:
    """A mesh over the first of the simulated devices."""
    settings = parallel.mesh.MeshSettings(model=model, data=data, fsdp=fsdp)
    return parallel.mesh.create_mesh(settings, jax.devices()[: model * data])


def batches(experiment: training.experiment.Experiment) -> Iterator[dict[str, np.ndarray]]:
    """The batches that training takes, on the host."""
    return iter(experiment.data.train_batches(seed=experiment.seed, process=0, processes=1))


_compilations: list[str] = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, duration_secs, **_: (
        _compilations.append(event) if "backend_compile" in event else None
    )
)


def run_steps(
    experiment: training.experiment.Experiment, mesh: jax.sharding.Mesh, steps: int
) -> tuple[training.state.TrainState, list[dict[str, float]]]:
    """Train for some steps without the loop; the state and each step's metrics.

    Fails if anything is compiled after the first step.
    """
    program = training.program.make_program(experiment, mesh)
    history = []
    with jax.set_mesh(mesh):
        before = len(_compilations)
        state, step, compiled = program.initial_state(), None, len(_compilations)
        assert compiled > before  # or else compilations are not counted
        for host_batch in itertools.islice(batches(experiment), steps):
            batch = training.evaluation.put_batch(host_batch, program.batch)
            if step is None:
                step = program.compile_train_step(batch)
                compiled = len(_compilations)
            state, metrics = step(state, batch)
            history.append({name: float(value) for name, value in metrics.items()})
        assert len(_compilations) == compiled
    return state, history
