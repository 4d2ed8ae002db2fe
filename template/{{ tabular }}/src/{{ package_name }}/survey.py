"""What is in the columns of a table, found in two passes over its files."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from . import cells, tables
from .cells import pc
from .errors import UserError
from .reporting.byte_progress import ByteProgress

_COUNTED = (pa.string(), pa.bool_(), pa.int64())
_MOST_COUNTED = 100_000  # values of a column, beyond which they are no longer counted


@dataclass
class Column:
    """What is in one column.

    Attributes:
        dtype: The type that all of its values have.
        rows: How many rows there are.
        missing: In how many of them it has no value.
        counts: How often each text, truth value or whole number stands there; empty if there are
            too many of them.
        countless: Whether that is so.
        low: The least value.
        high: The greatest value.
        numbers_rows: Whether it counts the rows of each file one by one.
    """

    dtype: pa.DataType
    rows: int = 0
    missing: int = 0
    counts: Counter[Any] = field(default_factory=Counter)
    countless: bool = False
    low: Any = None
    high: Any = None
    numbers_rows: bool = False
    _last: int = 0

    @property
    def mostly_distinct(self) -> bool:
        """Whether hardly any value stands there twice, so that nothing is learned from one."""
        few = len(self.counts) <= 20
        return self.countless or (not few and 2 * len(self.counts) > self.rows - self.missing)

    @property
    def note(self) -> str:
        """The above for a reader, in one line."""
        parts = [f"{self.missing:,} missing"] if self.missing else []
        if self.dtype == pa.string() and self.countless:
            parts.append(f"more than {_MOST_COUNTED:,} values")
        elif self.dtype in (pa.string(), pa.bool_()):
            common = [f"{str(value)[:20]} ({n:,})" for value, n in self.counts.most_common(3)]
            more = ", ..." if len(self.counts) > 3 else ""
            parts.append(f"{len(self.counts):,} values: {', '.join(common)}{more}")
        elif self.low is not None:
            parts.append(f"from {_short(self.low)} to {_short(self.high)}")
        return ", ".join(parts)

    def add(self, values: pa.Array, first: int) -> None:
        """Take in consecutive values; `first` is the number of their first row in its file."""
        self._follow(values, first)
        self.rows += len(values)
        self.missing += values.null_count
        values = values.drop_null()
        if not len(values):
            return
        if self.dtype not in (pa.string(), pa.bool_()):
            low, high = (each.as_py() for each in pc.min_max(values).values())
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)
        if self.dtype in _COUNTED and not self.countless:
            self.counts.update(counted(values))
            self.countless = len(self.counts) > _MOST_COUNTED
            if self.countless:
                self.counts.clear()

    def _follow(self, values: pa.Array, first: int) -> None:
        if self.dtype != pa.int64() or not len(values):
            return
        numbers = np.asarray(values.fill_null(-1))
        begins = self._last + 1 if first > 1 else int(numbers[0])
        counted = np.array_equal(numbers, np.arange(begins, begins + len(numbers)))
        self.numbers_rows = bool(counted) and (self.numbers_rows or not self.rows)
        self._last = int(numbers[-1])


@dataclass
class Survey:
    """What is in the columns of some files.

    Attributes:
        name: What to call the files in a message.
        columns: The columns by name.
    """

    name: str
    columns: dict[str, Column]


def survey_tables(paths: Sequence[Path], *, progress: bool) -> Survey:
    """Find out what is in the columns.

    Raises:
        UserError: A file cannot be read, its columns are not those of the others, or there is no
            row.
    """
    size = tables.size_of(paths)
    with ByteProgress("finding types", size, enabled=progress) as bar:
        types = tables.schema_of(paths, bar.advance)
    columns = {name: Column(dtype) for name, dtype in types.items()}
    with ByteProgress("counting values", size, enabled=progress) as bar:
        plain = {name: dtype for name, dtype in types.items() if dtype in cells.PLAIN}
        for rows in tables.read_tables(paths, plain, bar.advance):
            for name in plain:
                columns[name].add(rows.batch.column(name), rows.first)
    name = paths[0].name if len(paths) == 1 else f"{paths[0].name} and {len(paths) - 1} more"
    if not any(column.rows for column in columns.values()):
        raise UserError(f"{name} holds no row")
    return Survey(name, columns)


def counted(values: pa.Array) -> dict[Any, int]:
    """How often each value is there."""
    found = pc.value_counts(values)
    names, counts = (found.field(name).to_pylist() for name in ("values", "counts"))
    return dict(zip(names, counts, strict=True))


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
