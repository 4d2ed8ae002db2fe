"""The batches that a run trains on."""

import itertools
from typing import Any

import jax

from ..errors import UserError
from ..storage.checkpoints import Resumable
from .experiment import Experiment


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
    count = experiment.loop.overfit_batches
    return RepeatedBatches(list(itertools.islice(batches, count))) if count else batches


class RepeatedBatches:
    """A few batches, over and over.

    Args:
        batches: The batches.
    """

    def __init__(self, batches: list[dict[str, Any]]) -> None:
        self._batches, self._taken = batches, 0

    def __iter__(self) -> "RepeatedBatches":
        return self

    def __next__(self) -> dict[str, Any]:
        self._taken += 1
        return self._batches[(self._taken - 1) % len(self._batches)]

    def get_state(self) -> dict[str, Any]:
        """How many batches were taken."""
        return {"taken": self._taken}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go to a position."""
        self._taken = state["taken"]
