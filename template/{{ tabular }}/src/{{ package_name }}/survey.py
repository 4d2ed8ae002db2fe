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
from .dialect import Dialect
from .errors import UserError
from .relations import Relations
from .reporting.byte_progress import ByteProgress

_COUNTED = (pa.string(), pa.bool_(), pa.int64())
_MOST_COUNTED = 100_000  # values of a column, beyond which they are no longer counted
_MANY_VALUES = 1000  # of a category
_WORDS = 4  # on average, in texts that are no names


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
        infinite: How many of its numbers are infinite.
        blanks: How many blanks its texts hold.
        written: How its texts are written, where they are no plain numbers or dates.
        doubt: Which option settles how they are to be read, if that is not certain.
        unlike: Why they are no numbers, though they look like some.
        same_as: Another column with the same values in every row.
        tells_target: Whether each of its values goes with one of the target's.
    """

    dtype: pa.DataType
    rows: int = 0
    missing: int = 0
    counts: Counter[Any] = field(default_factory=Counter)
    countless: bool = False
    low: Any = None
    high: Any = None
    numbers_rows: bool = False
    infinite: int = 0
    blanks: int = 0
    written: str = ""
    doubt: str = ""
    unlike: str = ""
    same_as: str = ""
    tells_target: bool = False
    _last: int = 0

    @property
    def there(self) -> int:
        """In how many rows it has a value."""
        return self.rows - self.missing

    @property
    def mostly_distinct(self) -> bool:
        """Whether hardly any value stands there twice, so that nothing is learned from one."""
        few = len(self.counts) <= 20
        return self.countless or (not few and 2 * len(self.counts) > self.there)

    @property
    def constant(self) -> bool:
        """Whether every row has the same value."""
        if self.missing or self.rows < 2:
            return False
        return len(self.counts) == 1 if self.counts else self.low == self.high is not None

    @property
    def is_prose(self) -> bool:
        """Whether its texts are sentences."""
        return self.dtype == pa.string() and self.blanks >= (_WORDS - 1) * max(self.there, 1)

    @property
    def examples(self) -> str:
        """Three of its values."""
        return ", ".join(repr(value) for value in list(self.counts)[:3])

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
            if len(self.counts) > _MANY_VALUES:
                parts.append("of which the rare ones count as one")
        elif self.low is not None:
            parts.append(f"from {_short(self.low)} to {_short(self.high)}")
        parts += [f"{self.infinite:,} infinite"] if self.infinite else []
        parts += [f"written like {self.written}"] if self.written else []
        parts += [self.unlike] if self.unlike else []
        parts += ["warning: it tells the target"] if self.tells_target else []
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
        if self.dtype == pa.float64():
            self.infinite += pc.sum(pc.is_inf(values)).as_py()
        if self.dtype == pa.string():
            self.blanks += pc.sum(pc.count_substring(values, " ")).as_py()
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
        dialect: How their cells are written.
        files: How the files are read, a line for each way.
    """

    name: str
    columns: dict[str, Column]
    dialect: Dialect = field(default_factory=Dialect)
    files: list[str] = field(default_factory=list)


def survey_tables(
    paths: Sequence[Path], *, progress: bool, dialect: Dialect = tables.PLAIN, target: str = ""
) -> Survey:
    """Find out what is in the columns.

    Args:
        paths: The files.
        progress: Show progress on standard error.
        dialect: What is known of how they are written.
        target: The column that others are compared with.

    Raises:
        UserError: A file cannot be read, its columns are not those of the others, or there is no
            row.
    """
    size = tables.size_of(paths)
    with ByteProgress("finding types", size, enabled=progress) as bar:
        found = tables.understand(paths, bar.advance, dialect)
    columns = {
        name: Column(
            dtype,
            written=found.dialect.formats.get(name, ""),
            doubt=found.doubts.get(name, ""),
            unlike=found.notes.get(name, ""),
        )
        for name, dtype in found.types.items()
    }
    plain = {name: dtype for name, dtype in found.types.items() if dtype in cells.PLAIN}
    relations = Relations([name for name in plain if plain[name] != pa.null()], target)
    with ByteProgress("counting values", size, enabled=progress) as bar:
        for rows in tables.read_tables(paths, plain, bar.advance, found.dialect):
            for name in plain:
                columns[name].add(rows.batch.column(name), rows.first)
            relations.add(rows.batch)
    for name, original in relations.copies().items():
        columns[name].same_as = original
    for name in relations.telling():
        columns[name].tells_target = True
    name = paths[0].name if len(paths) == 1 else f"{paths[0].name} and {len(paths) - 1} more"
    if not any(column.rows for column in columns.values()):
        raise UserError(f"{name} holds no row")
    return Survey(name, columns, found.dialect, found.files)


def counted(values: pa.Array) -> dict[Any, int]:
    """How often each value is there."""
    found = pc.value_counts(values)
    names, counts = (found.field(name).to_pylist() for name in ("values", "counts"))
    return dict(zip(names, counts, strict=True))


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
