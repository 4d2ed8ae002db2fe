"""The training loop.

The order inside one step matters. The step is dispatched first, then the host reads the numbers of
the step before, so that the device never waits for the host. Metrics reach the disk before the
checkpoint of their step, and the checkpoint is made before the next batch is taken, so that a run
that is killed at any moment resumes as if it had not been.

Nothing is written before it is clear that the run can be made.
"""

import itertools
from collections.abc import Callable, Iterator
from signal import Signals
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh

from ..errors import UserError
from ..parallel.distributed import failing_together
from ..reporting.writers import check_metrics
from ..storage.checkpoints import Checkpoints
from ..storage.retention import Saved
from ..storage.run_directory import RunDirectory
from .batches import training_batches
from .data_settings import info_of
from .experiment import Experiment
from .hook import Hooks, Run
from .interruption import Interruption
from .memory import memory_line, telling_what_is_too_large
from .program import make_program
from .report import Report
from .rollback import Rollbacks, passing_over
from .safety import Stuck, is_finite, raise_if_stuck
from .state import TrainState
from .watchdog import Watchdog


class Outcome(NamedTuple):
    """How a run ended.

    Attributes:
        step: Last step made.
        state: The state after it.
        signal: The signal that ended the run before its last step, or None.
        reason: Why a hook ended the run, or None.
    """

    step: int
    state: TrainState
    signal: Signals | None
    reason: str | None


def train(
    experiment: Experiment,
    directory: RunDirectory,
    mesh: Mesh | None = None,
    begin: Callable[[], None] = lambda: None,
) -> Outcome:
    """Train from the newest checkpoint in `directory`, or from the start, to the last step.

    Args:
        experiment: The experiment.
        directory: Where the run's files lie.
        mesh: The mesh; by default the experiment's, over all devices.
        begin: Called on the first process when all is checked, before anything is written.

    Raises:
        UserError: The experiment does not fit the devices, the data or the checkpoints, or what is
            in the folder is damaged.
        Diverged: Too many updates in a row had to be skipped, and going back did not help.
    """
    experiment = experiment.fitted(info_of(experiment.data))
    program = make_program(experiment, mesh or experiment.make_mesh(), directory.path)
    rollbacks, went_back, train_step = Rollbacks(experiment, directory), "", None

    def preserve(saved: Saved) -> set[int]:
        wanted = {step for hook in experiment.hooks for step in hook.preserves(saved)}
        return wanted | rollbacks.preserves(saved)

    def attempt() -> Outcome:
        nonlocal train_step
        batches = training_batches(experiment)
        restored = checkpoints.restore(program.layout.abstract, batches)
        start, steps = restored.step if restored else 0, experiment.loop.steps
        hooks = Hooks(experiment.hooks, restored.hooks if restored else {})
        if not went_back:
            rollbacks.passed = restored.passed if restored else []
        taken = map(program.put, passing_over(batches, start, rollbacks.passed))
        if train_step is None and start < steps and not hooks.stop_reason:
            first = next(taken)
            train_step = program.compile_train_step(first)
            taken = itertools.chain([first], taken)
        state = restored.state if restored else program.initial_state()
        if not is_finite(state.params):
            raise UserError(
                f"{directory.path}: the weights after step {start} are NaN or infinite; "
                + (f"delete {directory.checkpoints / str(start)}" if start else "look at the model")
            )
        with failing_together():
            if jax.process_index() == 0 and not went_back:
                check_metrics(directory.metrics, start, restored and restored.lines)
                begin()
        stacks = directory.path / f"hang-{jax.process_index()}.txt"
        watchdog = Watchdog(experiment.loop.hang_seconds, experiment.loop.end_when_hung, stacks)
        reporting = Report(directory, start, steps, experiment.throughput)
        with reporting as report, watchdog.watching():
            report.message(went_back or memory_line(program.layout.abstract))
            if start:
                report.message(f"resuming after step {start} of {steps}")
            run = Run(program, directory, report, start, state)
            parts = batches, checkpoints, rollbacks, interruption, watchdog
            return _loop(run, hooks, train_step, taken, *parts)

    with (
        jax.set_mesh(program.mesh),
        telling_what_is_too_large(program.layout.abstract),
        Interruption() as interruption,
        Checkpoints(directory.checkpoints, experiment.checkpoint, preserve) as checkpoints,
    ):
        while True:
            try:
                return attempt()
            except Stuck as found:
                stuck = found.with_traceback(None)  # whose frames hold the state of the run
            sound, went_back = rollbacks.add(stuck)
            checkpoints.remove_after(sound)
            program.restart(train_step)


def _loop(
    run: Run,
    hooks: Hooks,
    train_step: Any,
    taken: Iterator[Any],
    batches: Any,
    checkpoints: Checkpoints,
    rollbacks: Rollbacks,
    interruption: Interruption,
    watchdog: Watchdog,
) -> Outcome:
    program, experiment, report = run.program, run.program.experiment, run.report
    loop = experiment.loop
    pending: tuple[int, dict[str, jax.Array]] | None = None
    evaluated: dict[str, dict[str, float]] = {}

    def tell() -> None:
        """Hand on the numbers that are pending, and evaluate after the present step."""
        nonlocal pending
        if pending is None:
            return
        (step, metrics), pending = pending, None
        numbers = {name: float(value) for name, value in metrics.items()}
        if step == run.step:
            for name in due:
                with report.pause():
                    evaluated[name] = program.evaluate_during_training(name, run.state)
                watchdog.alive()
        report.write(step, numbers, evaluated)
        raise_if_stuck(step, numbers, experiment.safety)
        hooks.call("after_step", run, step, numbers)
        for name, metrics in evaluated.items():
            hooks.call("after_evaluation", run, name, metrics)

    stopping = interruption.signal is not None
    # Not the signal itself: one that comes after this step's checkpoint waits for the next step's.
    while run.step < loop.steps and not stopping and not hooks.stop_reason:
        watchdog.alive()
        hooks.call("before_step", run)
        checkpoints.check()
        run.state, metrics = train_step(run.state, next(taken))
        run.step += 1

        stopping = interruption.requested(run.step)
        due = [name for name, one in experiment.evaluations.items() if one.due(run.step, loop)]
        saving = run.finished or stopping or run.step % experiment.checkpoint.every == 0

        evaluated, run.save_requested = {}, False
        if run.step % loop.log_every == 0 or due:
            jax.copy_to_host_async(metrics)
            tell()
            pending = run.step, metrics
        if due or saving:
            tell()
        if saving or run.save_requested or hooks.stop_reason:
            tell()
            hooks.call("before_checkpoint", run)
            report.flush()
            rollbacks.note(run.step, int(run.state.consecutive_skips))
            with report.pause():
                checkpoints.save(
                    run.step,
                    run.state,
                    batches,
                    metrics=evaluated,
                    hooks=hooks.memories,
                    lines=report.lines,
                    passed=rollbacks.passed,
                )
            hooks.call("after_checkpoint", run)
    hooks.call("at_end", run)
    signal = None if run.finished else interruption.signal
    return Outcome(run.step, run.state, signal, hooks.stop_reason)
