"""Going back: past updates that were all skipped, and on with the data that lie behind theirs.

A run goes back to a checkpoint from before the first of these steps, repeats the steps between, and
passes over the batches that it could not learn from. It is then where it would be if its data had
never had them. That follows from the data and the seed alone: not from which checkpoints there are,
nor from where a run was interrupted. So a run that is killed after it has gone back, and resumed,
finds the same steps and goes back again; nothing has to be saved at once.
"""

import itertools
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import jax

from ..errors import Diverged
from ..files import read_json, write_atomically
from ..parallel.distributed import failing_together
from ..storage.retention import Saved
from ..storage.run_directory import RunDirectory
from .batches import origins
from .experiment import Experiment
from .safety import Stuck

Window = tuple[int, int]
"""The first and the last of some batches that are passed over; batches count from 1."""


def batch_of(step: int, passed: Sequence[Window]) -> int:
    """The number of the batch that a step trains on."""
    number, end = step, 0
    for first, last in sorted(passed):
        if end < first <= number:  # a later window may hold an earlier one
            number, end = number + last - first + 1, last
    return number


def passing_over(batches: Iterator[Any], step: int, passed: Sequence[Window]) -> Iterator[Any]:
    """The batches of the steps after `step`.

    Args:
        batches: All batches, from the one behind that of `step`.
        step: Steps made.
        passed: What is passed over.
    """
    for after in itertools.count(step):
        for _ in range(batch_of(after, passed) + 1, batch_of(after + 1, passed)):
            next(batches)
        yield next(batches)


class Rollbacks:
    """How often a run has gone back, and what it passes over since.

    Args:
        experiment: The experiment.
        directory: Where the run's files lie.

    Attributes:
        passed: What each rollback passes over, in their order.
    """

    def __init__(self, experiment: Experiment, directory: RunDirectory) -> None:
        self.passed: list[Window] = []
        self._experiment, self._directory, self._sound = experiment, directory, 0

    def note(self, step: int, consecutive_skips: int) -> None:
        """Note how far back the run may have to go, before a step is saved."""
        self._sound = self._last_sound(step, consecutive_skips)

    def preserves(self, saved: Saved) -> set[int]:
        """The newest checkpoint that the run may have to go back to."""
        return set(sorted(step for step in saved if step <= self._sound)[-1:])

    def add(self, stuck: Stuck) -> tuple[int, str]:
        """Pass over the batches of the steps whose updates were skipped.

        Returns:
            The last step before them, and a line for people.

        Raises:
            Diverged: There have been as many rollbacks as there may be.
        """
        sound = self._last_sound(stuck.step, int(stuck.metrics["consecutive_skips"]))
        window = (batch_of(sound + 1, self.passed), batch_of(stuck.step, self.passed))
        most, count = self._experiment.safety.max_rollbacks, len(self.passed)
        steps, batches = f"{sound + 1} to {stuck.step}", f"{window[0]} to {window[1]}"
        final = count == most
        told = self._directory.diverged if final else self._directory.rollbacks
        with failing_together():
            if jax.process_index() == 0:
                record = self._record(stuck, sound, window)
                record["replay"] = self._replay(stuck.step, None if final else count + 1)
                earlier = [] if final or not told.exists() else read_json(told, list)[:count]
                content = record if final else [*earlier, record]
                write_atomically(told, json.dumps(content, indent=2, allow_nan=False) + "\n")
        if final:
            raise Diverged(
                f"{stuck}, and safety.max_rollbacks={most} allows no further rollback; lower "
                f"optimizer.learning_rate or look at the data: {told} says what batches {batches} "
                f"hold; `{self._replay(stuck.step, None)}` finds the first module"
            )
        self.passed = [*self.passed, window]
        return sound, (
            f"rollback {count + 1} of {most}: the updates of steps {steps} were skipped; their "
            f"batches, {batches}, are passed over: {told} says what they hold"
        )

    def _replay(self, step: int, rollback: int | None) -> str:
        """The command that repeats a step."""
        program = __name__.partition(".")[0]
        command = f"python -m {program} replay --run-dir {self._directory.path} --step {step}"
        return command if rollback is None else f"{command} --rollback {rollback}"

    def _last_sound(self, step: int, consecutive_skips: int) -> int:
        return step - math.ceil(consecutive_skips / self._experiment.updates_per_step)

    def _record(self, stuck: Stuck, sound: int, window: Window) -> dict[str, Any]:
        """What is known of the steps whose updates were skipped, in JSON's types."""
        numbers = range(window[0], window[1] + 1)
        held = zip(numbers, origins(self._experiment, numbers), strict=True)
        return {
            "step": stuck.step,
            "first_skipped_step": sound + 1,
            "batch": window[1],
            "loss": _number(stuck.metrics["loss"]),
            "grad_norm": _number(stuck.metrics.get("grad_norm")),
            "modules": {name: _number(norm) for name, norm in stuck.modules.items()},
            "passed_over": window,
            "passed_over_before": self.passed,
            "batches": {str(number): examples for number, examples in held},
        }


def _number(value: float | None) -> float | str | None:
    """A number as JSON has it: one that is not finite as text."""
    return value if value is None or math.isfinite(value) else str(value)
