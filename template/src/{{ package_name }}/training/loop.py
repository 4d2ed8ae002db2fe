"""The training loop.

The order inside one step matters. The step is dispatched first, then the host reads the numbers of
the step before, so that the device never waits for the host. Metrics reach the disk before the
checkpoint of their step, and the checkpoint is made before the next batch is taken, so that a run
that is killed at any moment resumes as if it had not been.
"""

import signal
from dataclasses import dataclass
from typing import Any

import jax
from jax.sharding import Mesh

from ..errors import UserError
from ..storage.checkpoints import Checkpoints, Resumable
from ..storage.run_directory import RunDirectory
from .data_settings import info_of
from .experiment import Experiment
from .interruption import Interruption
from .metrics import LateMetrics
from .program import Program, make_program
from .report import Report
from .safety import stop_if_diverged
from .state import TrainState


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        step: Last step made.
        state: The state after it.
        signal: The signal that ended the run before its last step, or None.
    """

    step: int
    state: TrainState
    signal: signal.Signals | None


def train(experiment: Experiment, run: RunDirectory, mesh: Mesh | None = None) -> Outcome:
    """Train from the newest checkpoint in `run`, or from the start, to the last step.

    Args:
        experiment: The experiment.
        run: Where the run's files lie.
        mesh: The mesh; by default the experiment's, over all devices.

    Raises:
        UserError: The experiment does not fit the devices, the data or the checkpoints.
        Diverged: Too many updates in a row had to be skipped.
    """
    experiment = experiment.fitted(info_of(experiment.data))
    program = make_program(experiment, mesh or experiment.make_mesh(), run.path)
    with (
        jax.set_mesh(program.mesh),
        Interruption() as interruption,
        Checkpoints(run.checkpoints, experiment.checkpoint) as checkpoints,
    ):
        batches = training_batches(experiment)
        restored = checkpoints.restore(program.blueprint.abstract, batches)
        start, state = restored or (0, program.initial_state())
        steps = experiment.loop.steps
        with Report(run, start, steps, experiment.throughput) as report:
            if start:
                report.message(f"resuming after step {start} of {steps}")
            return _loop(program, start, state, batches, checkpoints, report, interruption)


def training_batches(experiment: Experiment) -> Any:
    """An iterator over this process's share of every training batch.

    Raises:
        UserError: Its position cannot be saved.
    """
    share = {"process": jax.process_index(), "processes": jax.process_count()}
    batches = iter(experiment.data.train_batches(seed=experiment.seed, **share))
    if not isinstance(batches, Resumable):
        raise UserError(
            "data.train_batches: the iterator needs get_state() and set_state(), or the run could "
            "not resume; those of Grain's datasets have them"
        )
    return batches


def evaluate_split(
    program: Program, state: TrainState, split: str, limit: int | None
) -> dict[str, float]:
    """Metrics of the objective on a held-out split, or on `limit` batches spread over it."""
    share = {"process": jax.process_index(), "processes": jax.process_count()}
    batches = program.experiment.data.eval_batches(split, limit=limit, **share)
    return program.evaluate(state, batches)


def _loop(
    program: Program,
    step: int,
    state: TrainState,
    batches: Any,
    checkpoints: Checkpoints,
    report: Report,
    interruption: Interruption,
) -> Outcome:
    experiment = program.experiment
    loop, late, train_step = experiment.loop, LateMetrics(), None
    stopping = interruption.signal is not None
    # Not the signal itself: one that comes after this step's checkpoint waits for the next step's.
    while step < loop.steps and not stopping:
        batch = program.put(next(batches))
        if train_step is None:
            train_step = program.compile_train_step(batch)
        state, metrics = train_step(state, batch)
        step += 1

        stopping = interruption.requested(step)
        last = step == loop.steps
        evaluating = last or step % loop.eval_every == 0
        saving = last or stopping or step % experiment.checkpoint.every == 0

        ready = []
        if step % loop.log_every == 0 or evaluating:
            ready.append(late.push(step, metrics))
        if evaluating or saving:
            ready.append(late.flush())
        for at, numbers in filter(None, ready):
            evaluation = None
            if evaluating and at == step:
                with report.pause():
                    evaluation = evaluate_split(program, state, "validation", loop.eval_batches)
            report.write(at, numbers, evaluation)
            stop_if_diverged(at, numbers, experiment.safety)
        if saving:
            report.flush()
            with report.pause():
                checkpoints.save(step, state, batches)
    return Outcome(step, state, None if step == loop.steps else interruption.signal)
