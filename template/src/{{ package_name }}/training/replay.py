"""Making a step of a run again, to look at what it computes."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax

from ..errors import UserError
from ..files import read_json
from ..numerics.checks import check_finite
from ..numerics.result import Err
from ..storage.checkpoints import Checkpoints
from ..storage.run_directory import RunDirectory
from .batches import origins, training_batches
from .data_settings import info_of
from .experiment import Experiment
from .module_checks import Examined
from .program import make_program
from .rollback import Window, batch_of, passing_over
from .start import kept_start


class Replayed(NamedTuple):
    """What a step of a run was found to compute.

    Attributes:
        start: The step whose checkpoint it was repeated from; 0 for the beginning of the run.
        batch: The number of its batch.
        broken: What is not finite in the batch itself; None if it all is.
        origins: Where the examples of the batch come from.
        parts: What its losses, modules and gradients were found to be.
    """

    start: int
    batch: int
    broken: str | None
    origins: list[str]
    parts: list[Examined]


def replay(
    experiment: Experiment,
    run: RunDirectory,
    step: int,
    rollback: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Replayed:
    """Repeat a run up to a step, and look at each module in that step. Nothing is written.

    Args:
        experiment: That of the run.
        run: Where its files lie.
        step: The step, from 1.
        rollback: The rollback that passed over the step's batch; None for a step that the run has
            kept, or ended with.
        tell: Told what is done.

    Raises:
        UserError: There is no such step or rollback, or nothing to repeat it from.
    """
    if not 1 <= step <= experiment.loop.steps:
        raise UserError(f"--step {step}: the run has steps 1 to {experiment.loop.steps}")
    experiment = experiment.fitted(info_of(experiment.data))
    kept = run.path if kept_start(run.path) else None  # or it would be kept now
    program = make_program(experiment, experiment.make_mesh(), kept)
    with (
        jax.set_mesh(program.mesh),
        Checkpoints(run.checkpoints, experiment.checkpoint, read_only=True) as checkpoints,
    ):
        passed, batches = _passed(run, checkpoints, rollback), training_batches(experiment)
        start = _start(checkpoints, step, passed)
        tell(f"repeating steps {start + 1} to {step}")
        restored = None
        if start:
            restored = checkpoints.restore(program.layout.abstract, batches, step=start)
        state, made = restored.state if restored else program.initial_state(), None
        taken = passing_over(batches, start, passed)
        for batch in map(program.put, itertools.islice(taken, step - 1 - start)):
            made = made or program.compile_train_step(batch)
            state, _ = made(state, batch)
        on_host, number = next(taken), batch_of(step, passed)
        (held,) = origins(experiment, [number])
        checked = check_finite(on_host, "batch")
        broken = checked.error.reason if isinstance(checked, Err) else None
        parts = list(program.examine(made, state, program.put(on_host)))
        return Replayed(start, number, broken, held, parts)


def _passed(run: RunDirectory, checkpoints: Checkpoints, rollback: int | None) -> list[Window]:
    """What the run had passed over by its end, or before one of its rollbacks."""
    told = read_json(run.rollbacks, list) if run.rollbacks.exists() else []
    try:
        windows = (record["passed_over"] for record in told)
        passed = [(int(first), int(last)) for first, last in windows]
    except (TypeError, ValueError, KeyError) as error:
        raise UserError(f"{run.rollbacks} is damaged: {error!r}") from error
    newest = max(checkpoints.saved, default=None)
    if newest is not None:
        passed = max(passed, checkpoints.passed(newest), key=len)
    if rollback is None:
        return passed
    if not 1 <= rollback <= len(passed):
        raise UserError(f"--rollback {rollback}: the run has gone back {len(passed)} times")
    return passed[: rollback - 1]


def _start(checkpoints: Checkpoints, step: int, passed: list[Window]) -> int:
    """The newest checkpoint on the way to a step; 0 for the beginning of the run.

    One from before a rollback is as good, if it does not lie behind the batches passed over.
    """
    return max(
        (
            saved
            for saved in checkpoints.saved
            if saved < step
            and batch_of(saved, passed) == batch_of(saved, checkpoints.passed(saved))
        ),
        default=0,
    )
