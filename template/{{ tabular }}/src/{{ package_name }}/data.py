"""What an example is, and where examples come from.

An example is a row of a table (see ``encoding.py``). Which rows form the batch of a step follows
from the seed and the step alone: not from the number of processes, of threads, or of interruptions.
"""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import grain
import numpy as np
from jaxtyping import Float32, Int, Num
from pydantic import Field

from . import preparation, sources
from .encoding import Categories, Encoding, Numbers, Targets, unpack
from .errors import UserError
from .settings import Settings
from .storage.dataset import DataSet, holds_data_set

# One array has a row for each example, and others, of targets and weights, a number.
Batch = dict[str, Num[np.ndarray, "batch ..."]]


class TableData(Settings):
    """A prepared data set of rows and how it is read.

    Attributes:
        directory: Where the prepared data set stands.
        batch_size: Rows in a batch, over all processes together.
        threads: Threads that read ahead.
        sample: The table that is prepared where no other is given.
    """

    directory: str = "data/table"
    batch_size: int = Field(default=256, ge=1)
    threads: int = Field(default=2, ge=1)
    sample: Literal["breast_cancer", "diabetes"] = "breast_cancer"

    def exists(self) -> bool:
        """Whether a data set was completed in ``directory``."""
        return holds_data_set(Path(self.directory))

    def prepare(self, source: sources.Source, *, overwrite: bool, progress: bool) -> str:
        """Write the data set, and return a summary of it; or write its schema alone.

        Raises:
            UserError: The source cannot be read or is too small, or the data set not be written.
        """
        if not source.files:
            name = source.sample or self.sample
            target = source.target or sources.SAMPLES[name]
            source = dataclasses.replace(source, sample=name, target=target)
        if source.write_schema is not None:
            return preparation.propose_schema(source, source.write_schema, progress=progress)
        data_set = preparation.prepare_table(
            source, Path(self.directory), overwrite=overwrite, progress=progress
        )
        return preparation.summary(data_set)

    def prepare_sample(self, *, progress: bool) -> str:
        """Write the sample as the data set, and return a summary of it."""
        return self.prepare(sources.Source(), overwrite=False, progress=progress)

    def train_batches(self, *, seed: int, process: int, processes: int) -> grain.IterDataset:
        """Endless shuffled batches of this process.

        The state of the iterator is the number of batches taken. Each epoch has an order of its
        own, and a batch may hold the end of one epoch and the beginning of the next.

        Args:
            seed: Of the order, from 0 to 2**32 - 1.
            process: Number of this process.
            processes: How many there are. The batches of all processes at a step are together the
                batch that a single process would get: examples ``process``, ``process +
                processes``, ... of it.
        """
        per_process = self._per_process(processes)
        rows = self._rows("train")
        # What is shuffled and batched is numbers of rows; a batch is then read at once.
        numbers = grain.MapDataset.range(len(rows)).seed(seed).shuffle().repeat()
        return (
            numbers[process::processes]
            # Nothing remains of an endless data set; without this its length overflows at size 1.
            .batch(per_process, drop_remainder=True)
            .map(rows.read)
            .to_iter_dataset(
                grain.ReadOptions(num_threads=self.threads, prefetch_buffer_size=4 * self.threads)
            )
        )

    def eval_batches(
        self, split: str, *, limit: int | None, process: int, processes: int
    ) -> "EvaluationBatches":
        """A split in a fixed order, cut into batches for this process.

        Args:
            split: ``validation`` or ``test`` (or ``train``).
            limit: At most so many batches, spread evenly over the split; None takes all of it.
            process: Number of this process.
            processes: How many there are; each gets the same number of batches.
        """
        if limit is not None and limit < 1:
            raise UserError(f"evaluation needs at least one batch, not {limit}")
        return EvaluationBatches(
            self._rows(split), self._per_process(processes), limit, process, processes
        )

    def _per_process(self, processes: int) -> int:
        if self.batch_size % processes:
            raise UserError(
                f"data.batch_size {self.batch_size} does not divide among {processes} processes"
            )
        return self.batch_size // processes

    def _rows(self, split: str) -> "StoredRows":
        data_set = DataSet.open(Path(self.directory))
        kind = data_set.info.get("kind", "other data")
        if kind != "table":
            raise UserError(f"{self.directory} holds no table but {kind}")
        return StoredRows(data_set, split)


class StoredRows:
    """The rows of one split of a prepared data set, read in any order."""

    def __init__(self, data_set: DataSet, split: str) -> None:
        """Open a split."""
        self._records = data_set.source(split)
        self._encoding = Encoding.of(data_set.info)

    def __len__(self) -> int:
        """How many rows."""
        return len(self._records)

    def read(self, places: Int[np.ndarray, " batch"]) -> Batch:
        """Read a batch; at place -1 stands a row of weight 0."""
        records = self._records.__getitems__(np.maximum(places, 0).tolist())
        weights = (places >= 0).astype(np.float32)
        return make_batch(self._encoding, *unpack(records, self._encoding), weights)


class EvaluationBatches:
    """Batches in a fixed order, made while they are iterated over, as often as you like.

    The last batch is filled up with rows of weight 0, unless a limit chose whole batches.
    """

    def __init__(
        self,
        rows: StoredRows,
        per_process: int,
        limit: int | None,
        process: int,
        processes: int,
    ) -> None:
        """Choose the rows; see ``TableData.eval_batches``."""
        batch_size = per_process * processes
        everything = -(-len(rows) // batch_size)
        if limit is None or limit >= everything:
            chosen = np.full(everything * batch_size, -1)
            chosen[: len(rows)] = np.arange(len(rows))
        else:
            chosen = np.arange(limit * batch_size) * len(rows) // (limit * batch_size)
        self._rows = rows
        self._chosen = chosen.reshape(-1, per_process, processes)[:, :, process]

    def __len__(self) -> int:
        """How many batches."""
        return len(self._chosen)

    def __iter__(self) -> Iterator[Batch]:
        """Make the batches one by one."""
        for places in self._chosen:
            yield self._rows.read(places)


def make_batch(
    encoding: Encoding,
    numbers: Numbers,
    categories: Categories,
    targets: Targets,
    weights: Float32[np.ndarray, " batch"],
) -> Batch:
    """The arrays that the model and the loss need.

    Args:
        encoding: How the rows were encoded.
        numbers: Standardised, NaN where one is missing.
        categories: Places of values.
        targets: Standardised numbers or places of classes.
        weights: 1 for a row that counts, 0 for padding.

    Returns:
        ``numbers``, float32 ``[batch, num_numbers]``, 0 (the mean) where one is missing;
        ``missing``, float32 ``[batch, num_missing]``, 1 where a number is missing, for the columns
        of numbers that lack some in the training split; ``categories``, int32 ``[batch,
        num_categories]``; ``targets``, float32 or int32 ``[batch]``; ``weights``, float32
        ``[batch]``.
    """
    missing = np.isnan(numbers)
    return {
        "numbers": np.where(missing, np.float32(0), numbers),
        "missing": missing[:, encoding.with_missing].astype(np.float32),
        "categories": categories,
        "targets": targets,
        "weights": weights,
    }
