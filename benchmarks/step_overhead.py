"""What a training step costs the host.

Run it with ``nox -s bench``. It times the compiled step of a rendered project against a hand-
written ``jax.jit`` step that takes and returns the same arrays as one flat list, for a model so
small that the device has next to nothing to do. Both run the same computation; what differs is
how arguments reach it. The two are timed in turn, block by block, and compared by the fastest
block of each, because machines are shared and noisy. For orientation it also times the whole loop
around the step, on the same model.

Usage: ``python step_overhead.py PACKAGE`` in the environment of a rendered language project.
"""

import importlib
import sys
import tempfile
import time
from pathlib import Path

import jax

BLOCKS, STEPS = 15, 150
WARM_UP, LOOP_STEPS = 100, 1500
BOUND = 1.3
TINY = {
    "data.seq_len": 8,
    "data.batch_size": 1,
    "model.d_model": 8,
    "model.num_layers": 2,
    "model.num_heads": 1,
    "model.d_ff": 8,
    "loop.steps": LOOP_STEPS,
    "loop.eval_every": LOOP_STEPS,
    "loop.eval_batches": 1,
    "checkpoint.every": LOOP_STEPS,
    "mesh.data": 1,
}


def main(package: str) -> int:
    """Print milliseconds per step and their ratio; 1 if the ratio is above the bound."""
    names = ("configuration", "experiments", "sources", "parallel.mesh")
    configuration, experiments, sources, mesh = (
        importlib.import_module(f"{package}.{name}") for name in names
    )
    programs = importlib.import_module(f"{package}.training.program")
    put_batch = importlib.import_module(f"{package}.parallel.rules").put_batch
    with tempfile.TemporaryDirectory() as folder:
        files = tuple(Path(__file__).parent.glob("*.py")) * 40
        source = sources.Source(name="benchmark", files=files, max_document_bytes=100)
        fields = {**TINY, "data.directory": str(Path(folder) / "data")}
        directives = [f"set:{field}={value}" for field, value in fields.items()]
        config = configuration.compose(["config:smoke", *directives], experiments)
        experiment = configuration.build(config)
        experiment.data.prepare(source, overwrite=False, progress=False)
        program = programs.make_program(experiment, mesh.create_mesh(experiment.mesh))
        with jax.set_mesh(program.mesh):
            host_batch = next(iter(experiment.data.train_batches(seed=0, process=0, processes=1)))
            batch = put_batch(host_batch, program.batch)
            ours, flat = time_both(program, batch)
        loop = time_loop(package, experiment, Path(folder) / "run")
    ratio = ours / flat
    print(f"jax.jit over a flat list            {flat * 1e3:8.3f} ms/step")
    print(f"the project's step                  {ours * 1e3:8.3f} ms/step")
    print(f"ratio                               {ratio:8.3f} (bound {BOUND})")
    print("the project's loop: data, step,")
    print(f"metrics to the console and to files {loop * 1e3:8.3f} ms/step")
    return int(ratio > BOUND)


def time_both(program, batch) -> tuple[float, float]:
    """Seconds per step of the project's compiled step and of the same step over a flat list."""
    compiled = program.compile_train_step(batch)
    state = program.initial_state()
    structure = jax.tree.structure(state)
    leaves = jax.tree.leaves(program.initial_state())

    def flat_step(leaves, batch):
        state, metrics = program.train_step(jax.tree.unflatten(structure, leaves), batch)
        return jax.tree.leaves(state), metrics

    shardings = jax.tree.leaves(program.layout.shardings)
    flat = jax.jit(flat_step, donate_argnums=0, out_shardings=(shardings, None))
    best = [float("inf"), float("inf")]
    for _ in range(BLOCKS):
        state, best[0] = time_block(compiled, state, batch, best[0])
        leaves, best[1] = time_block(flat, leaves, batch, best[1])
    return best[0], best[1]


def time_loop(package: str, experiment, folder: Path) -> float:
    """Seconds per step of the whole training loop, by the clock of `metrics.jsonl`."""
    run = importlib.import_module(f"{package}.storage.run_directory").RunDirectory(folder)
    with run.lock():
        importlib.import_module(f"{package}.training.loop").train(experiment, run)
    rows = importlib.import_module(f"{package}.reporting.writers").read_metrics(run.metrics)
    first, last = rows[WARM_UP], rows[-2]  # the last step evaluates
    return (last["time"] - first["time"]) / (last["step"] - first["step"])


def time_block(step, state, batch, best: float):
    """Run one block; the state after it and the better of `best` and its seconds per step."""
    started = time.perf_counter()
    for _ in range(STEPS):
        state, _ = step(state, batch)
    jax.block_until_ready(state)
    return state, min(best, (time.perf_counter() - started) / STEPS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
