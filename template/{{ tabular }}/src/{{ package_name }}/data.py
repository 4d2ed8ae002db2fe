"""What an example is, and where examples come from.

An example is a row of a table (see ``encoding.py``). Which rows form the batch of a step stands in
``training/indexed_data.py``.
"""

import dataclasses
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float32

from . import preparation, sources
from .encoding import Categories, Encoding, Numbers, Targets, unpack
from .settings import Size
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .training.indexed_data import Draws
from .training.indexed_data import Numbers as Places
from .training.prediction import Arrays
from .training.prepared_data import PreparedData


class TableData(PreparedData):
    """A prepared data set of rows and how it is read.

    Attributes:
        directory: Where the prepared data set stands.
        batch_size: Rows in a batch, over all processes together.
        threads: Threads that read ahead.
        sample: The table that is prepared where no other is given.
    """

    directory: str = "data/table"
    batch_size: Size = 256
    sample: Literal["breast_cancer", "diabetes"] = "breast_cancer"

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
        with DataSetWriter(Path(self.directory), overwrite=overwrite) as writer:
            info = preparation.write_table(writer, source, progress=progress)
            return preparation.summary(writer.commit(info))

    def prepare_sample(self, *, progress: bool) -> str:
        """Write the sample as the data set, and return a summary of it."""
        return self.prepare(sources.Source(), overwrite=False, progress=progress)

    def examples(self, split: str) -> "TableExamples":
        """The rows of a split.

        Raises:
            UserError: The data set is not there, or holds something else.
        """
        return TableExamples(self.open("table"), split)


class TableExamples:
    """The rows of a split as batches."""

    def __init__(self, data_set: DataSet, split: str) -> None:
        self._records = data_set.source(split)
        self._encoding = Encoding.of(data_set.info)

    def __len__(self) -> int:
        """How many rows."""
        return len(self._records)

    def read(self, numbers: Places, draws: Draws | None = None) -> Arrays:
        """Make a batch; at number -1 stands a row of weight 0."""
        records = self._records.__getitems__(np.maximum(numbers, 0).tolist())
        weights = (numbers >= 0).astype(np.float32)
        return make_batch(self._encoding, *unpack(records, self._encoding), weights)

    def locate(self, number: int) -> str:
        """Where a row is stored."""
        return self._records.locate(number)


def make_batch(
    encoding: Encoding,
    numbers: Numbers,
    categories: Categories,
    targets: Targets,
    weights: Float32[np.ndarray, " batch"],
) -> Arrays:
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
