"""The batches that a run trains on."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import grain
import jax

from ..errors import UserError
from ..storage.checkpoints import Resumable
from .data_settings import TellsOrigins
from .experiment import Experiment

_HERE = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)  # nothing has to be read


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
    if not experiment.loop.overfit_batches:
        return batches
    few = list(itertools.islice(batches, experiment.loop.overfit_batches))
    return iter(grain.MapDataset.source(few).repeat().to_iter_dataset(_HERE))


def origins(experiment: Experiment, numbers: Iterable[int]) -> Iterator[list[str]]:
    """For each training batch, by its number from 1, where its examples come from.

    Of data that does not tell, nothing.
    """
    few = experiment.loop.overfit_batches
    numbers = [(number - 1) % few + 1 if few else number for number in numbers]
    data: object = experiment.data
    if isinstance(data, TellsOrigins):
        return iter(data.origins(numbers, seed=experiment.seed))
    return iter([[]] * len(numbers))
