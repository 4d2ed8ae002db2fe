"""Columns that say what another one says: copies, and those that give the target away."""

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float64

from .cells import pc

_MOST_VALUES = 1000  # of a column that is compared value by value
_FEWEST_ROWS = 20  # that say anything
_FIRST = 64  # rows that clear most columns of suspicion


class Relations:
    """What columns have to do with each other, found row by row."""

    def __init__(self, names: Iterable[str], target: str) -> None:
        """Begin without rows.

        Args:
            names: The columns.
            target: The one that the others are compared with; empty for none.
        """
        self._names, self._target, self._rows = list(names), target, 0
        self._digests = {name: hashlib.sha256() for name in self._names}
        others = [name for name in self._names if name != target] if target in self._names else []
        self._pairs: dict[str, tuple[dict[Any, Any], dict[Any, Any]]] = {
            name: ({}, {}) for name in others
        }
        self._lines: dict[str, tuple[float, float] | None] = dict.fromkeys(others)

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in rows."""
        for name in self._names:
            column = _comparable(batch.column(name))
            filler = "\0" if column.type == pa.string() else np.nan
            stored = pa.RecordBatch.from_arrays([column.fill_null(filler)], names=[""])
            self._digests[name].update(stored.serialize())
        if not self._pairs and not self._lines:
            return
        there = batch.filter(batch.column(self._target).is_valid())
        self._rows += there.num_rows
        for part in (there.slice(0, _FIRST), there.slice(_FIRST)):
            if part.num_rows:
                for name in [name for name in self._pairs if not self._paired(part, name)]:
                    del self._pairs[name]
                for name in [name for name in self._lines if not self._lined(part, name)]:
                    del self._lines[name]

    def copies(self) -> dict[str, str]:
        """Columns with the values of an earlier one, or of the target, in every row; and that."""
        first: dict[bytes, str] = {}
        if self._target in self._digests:
            first[self._digests[self._target].digest()] = self._target
        found = {}
        for name in self._names:
            original = first.setdefault(self._digests[name].digest(), name)
            if original != name:
                found[name] = original
        return found

    def telling(self) -> set[str]:
        """Columns each of whose values goes with one of the target's, and the other way round."""
        if self._rows < _FEWEST_ROWS:
            return set()
        pairs = {n for n, (seen, _) in self._pairs.items() if 1 < len(seen) <= self._rows // 2}
        return pairs | {name for name, line in self._lines.items() if line is not None}

    def _paired(self, rows: pa.RecordBatch, name: str) -> bool:
        table = pa.table([rows.column(name), rows.column(self._target)], names=["x", "y"])
        forth, back = self._pairs[name]
        for pair in table.group_by(["x", "y"]).aggregate([]).to_pylist():
            x, y = pair["x"], pair["y"]
            if forth.setdefault(x, y) != y or back.setdefault(y, x) != x:
                return False
        return len(forth) <= _MOST_VALUES

    def _lined(self, rows: pa.RecordBatch, name: str) -> bool:
        """Whether the target is a linear function of a column, up to rounding."""
        x, y = (_numbers(rows.column(column)) for column in (name, self._target))
        if x is None or y is None or np.isnan(x).any() or not np.isfinite(y).all():
            return False
        line = self._lines[name]
        if line is None:
            low, high = int(x.argmin()), int(x.argmax())
            if x[low] == x[high]:
                return bool((y == y[0]).all())
            slope = (y[high] - y[low]) / (x[high] - x[low])
            line = self._lines[name] = (slope, y[low] - slope * x[low])
        slope, offset = line
        return bool(slope != 0) and np.allclose(slope * x + offset, y, rtol=1e-9, atol=1e-12)


def _comparable(column: pa.Array) -> pa.Array:
    """The same values of another type, such as 1 and 1.0, compare as equal."""
    return column if column.type == pa.string() else _float64(column)


def _float64(column: pa.Array) -> pa.Array:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    column = column.cast(pa.int8()) if column.type == pa.bool_() else column
    return pc.cast(column, pa.float64(), safe=False)


def _numbers(column: pa.Array) -> Float64[np.ndarray, " batch"] | None:
    if column.type not in (pa.int64(), pa.float64()):
        return None
    return _float64(column).to_numpy(zero_copy_only=False)
