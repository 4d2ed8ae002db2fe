"""Rows of a table as numbers: alike for preparation, training, and files that are predicted.

A column of numbers is standardised by the mean and the deviation of the training split; a missing
one becomes the mean, and where the training split lacks some, the model is told. A category is the
place of its value in a list; 0 stands for all values that are rare or unknown.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Float64, Int32
from pydantic import Field

from . import cells
from .cells import pc
from .dialect import Dialect
from .errors import UserError
from .schema import Task
from .settings import Settings
from .tables import Rows

Numbers = Float32[np.ndarray, "batch num_numbers"]
Categories = Int32[np.ndarray, "batch num_categories"]
Targets = Float32[np.ndarray, " batch"] | Int32[np.ndarray, " batch"]
_DAY = 24 * 60 * 60 * 10**6  # in microseconds


class Number(Settings):
    """A column of numbers, truth values (0 and 1) or dates (days since 1970).

    Attributes:
        name: The column.
        kind: Which of the three.
        mean: Of the training split.
        std: Of the training split; 1 for a column that is constant there.
        missing: Rows of the training split that have no value.
    """

    name: str
    kind: Literal["number", "boolean", "date"]
    mean: float = 0.0
    std: float = 1.0
    missing: int = 0


class Category(Settings):
    """A column of texts.

    Attributes:
        name: The column.
        values: What is told apart, the most frequent first; the first has index 1. None is the
            missing value.
    """

    name: str
    values: list[str | None] = Field(default_factory=list)


class Target(Settings):
    """What is predicted.

    Attributes:
        name: The column.
        task: Whether its values are classes or numbers.
        classes: The classes in their order.
        mean: Of numbers, in the training split.
        std: Of numbers, in the training split.
    """

    name: str
    task: Task
    classes: list[str] = Field(default_factory=list)
    mean: float = 0.0
    std: float = 1.0


class Values(NamedTuple):
    """Rows as they stand in a file, sorted by what the columns hold.

    Attributes:
        numbers: Every column of numbers, NaN where one is missing.
        texts: Every category as a column of its own, null where one is missing.
        targets: Numbers or texts; empty where they were not read.
    """

    numbers: Float64[np.ndarray, "batch num_numbers"]
    texts: list[pa.Array]
    targets: pa.Array

    @property
    def all_numbers(self) -> Float64[np.ndarray, "batch num_numbers"]:
        """The columns of numbers, and behind them the targets if these are numbers, too."""
        if self.targets.type != pa.float64():
            return self.numbers
        return np.column_stack([self.numbers, self.targets.to_numpy(zero_copy_only=False)])

    def filter(self, chosen: pa.BooleanArray) -> "Values":
        """Some of the rows."""
        return Values(
            self.numbers[chosen.to_numpy(zero_copy_only=False)],
            [texts.filter(chosen) for texts in self.texts],
            self.targets.filter(chosen),
        )

    def digests(self) -> list[bytes]:
        """SHA-256 of each row, equal for equal rows."""
        numbers = self.all_numbers
        texts = self.texts if self.targets.type == pa.float64() else [*self.texts, self.targets]
        # There are two zeros and many NaNs; one of each is enough.
        numbers = np.where(np.isnan(numbers), np.nan, numbers + 0.0).astype("<f8")
        columns = [pc.fill_null(each, "\0").to_pylist() for each in texts]
        words = ["\x1f".join(row) for row in zip(*columns, strict=True)] or [""] * len(numbers)
        return [
            hashlib.sha256(row.tobytes() + word.encode()).digest()
            for row, word in zip(numbers, words, strict=True)
        ]


class Encoding(Settings):
    """How the rows of a table become arrays.

    Attributes:
        numbers: The columns of numbers.
        categories: The columns of texts.
        ignored: Columns that the model does not see.
        target: What is predicted.
        dialect: How the cells of files are written.
    """

    numbers: list[Number]
    categories: list[Category]
    ignored: list[str]
    target: Target
    dialect: Dialect = Field(default_factory=Dialect)

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> "Encoding":
        """The encoding of a prepared data set."""
        return cls.model_validate(info["encoding"])

    @property
    def with_missing(self) -> list[int]:
        """Which columns of numbers the model is told that they have no value."""
        return [at for at, number in enumerate(self.numbers) if number.missing]

    def types(self, *, targets: bool) -> dict[str, pa.DataType]:
        """The columns to read, with their types."""
        of_kind = {"number": pa.float64(), "boolean": pa.bool_(), "date": cells.NAIVE}
        types = {number.name: of_kind[number.kind] for number in self.numbers}
        types |= {category.name: pa.string() for category in self.categories}
        if targets:
            regression = self.target.task == "regression"
            types[self.target.name] = pa.float64() if regression else pa.string()
        return types

    def values(self, rows: Rows) -> Values:
        """Sort out rows that were read with ``types``.

        Raises:
            UserError: A number is infinite.
        """
        there, batch = set(rows.batch.schema.names), rows.batch
        columns = [_float64(rows, number.name) for number in self.numbers]
        empty = np.zeros((batch.num_rows, 0))
        targets = pa.nulls(batch.num_rows)
        if self.target.name in there:
            targets = batch.column(self.target.name)
            if self.target.task == "regression":
                _float64(rows, self.target.name)  # complains of what is infinite
        return Values(
            np.stack(columns, axis=1) if columns else empty,
            [batch.column(category.name) for category in self.categories],
            targets,
        )

    def encode(self, values: Values) -> tuple[Numbers, Categories]:
        """What the model sees of rows; a missing number stays NaN."""
        mean = np.array([number.mean for number in self.numbers])[None]
        std = np.array([number.std for number in self.numbers])[None]
        categories = np.zeros((len(values.numbers), len(self.categories)), np.int32)
        for at, (category, texts) in enumerate(zip(self.categories, values.texts, strict=True)):
            known = pa.array(category.values, pa.string())
            categories[:, at] = pc.index_in(texts, value_set=known).fill_null(-1).to_numpy() + 1
        return ((values.numbers - mean) / std).astype(np.float32), categories

    def encode_targets(self, values: Values) -> Targets:
        """Standardised numbers (NaN where missing), or places of classes (-1 where unknown)."""
        if self.target.task == "regression":
            numbers = values.targets.fill_null(np.nan).to_numpy(zero_copy_only=False)
            return ((numbers - self.target.mean) / self.target.std).astype(np.float32)
        known = pa.array(self.target.classes, pa.string())
        places = pc.index_in(values.targets, value_set=known).fill_null(-1)
        return places.to_numpy().astype(np.int32)


def pack(numbers: Numbers, categories: Categories, targets: Targets) -> list[bytes]:
    """Rows as records of a data set: four bytes for each number, category, and the target."""
    parts = [each.view(np.int32) for each in (numbers, targets[:, None])]
    table = np.concatenate([parts[0], categories, parts[1]], axis=1).astype("<i4")
    return [row.tobytes() for row in table]


def unpack(records: Sequence[bytes], encoding: Encoding) -> tuple[Numbers, Categories, Targets]:
    """What ``pack`` was given."""
    width = len(encoding.numbers), len(encoding.numbers) + len(encoding.categories)
    table = np.frombuffer(b"".join(records), "<i4").reshape(-1, width[1] + 1).astype(np.int32)
    numbers, categories, targets = np.split(table, width, axis=1)
    dtype = np.float32 if encoding.target.task == "regression" else np.int32
    return (
        np.ascontiguousarray(numbers).view(np.float32),
        np.ascontiguousarray(categories),
        np.ascontiguousarray(targets[:, 0]).view(dtype),
    )


def _float64(rows: Rows, name: str) -> Float64[np.ndarray, " batch"]:
    """A column of numbers, truth values or dates, NaN where one is missing."""
    column = rows.batch.column(name)
    if column.type == pa.bool_():
        column = column.cast(pa.int8())
    if column.type == cells.NAIVE:
        column = pc.divide(column.cast(pa.int64()).cast(pa.float64()), float(_DAY))
    numbers = column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False)
    infinite = np.flatnonzero(np.isinf(numbers))
    if infinite.size:
        row = rows.first + int(infinite[0])
        raise UserError(
            f"{rows.path} row {row}, column {name!r}: the number is infinite; leave the cell empty"
        )
    return numbers
