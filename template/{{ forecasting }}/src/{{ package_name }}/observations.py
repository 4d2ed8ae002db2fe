"""The rows of tables as arrays: when, of which series, which values, and where they stand."""

from bisect import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Float32, Int64

from .covariates import Covariate, Covariates, Vocabulary
from .dialect import Dialect
from .errors import UserError
from .sources import Columns
from .tables import Rows, read_tables
from .times import Times, read_times

Advance = Callable[[int], object]
Key = tuple[str, ...]
Table = Float32[np.ndarray, "points _"]


@dataclass(frozen=True)
class Observations:
    """All rows of all tables, in the order in which they stand there.

    Attributes:
        keys: What names the series, in the order of their first rows.
        times: When.
        owners: Number of the series.
        values: NaN where a value is missing.
        known: The known columns, as numbers or places of texts.
        static: The static columns likewise.
        covariates: What these columns are.
        parts: For each run of rows of one file: how many rows came before it, the file, and the
            number of the first row in the file.
    """

    keys: tuple[Key, ...]
    times: Times
    owners: Int64[np.ndarray, " points"]
    values: Float32[np.ndarray, "points channels"]
    known: Float32[np.ndarray, "points _"]
    static: Float32[np.ndarray, "points _"]
    covariates: Covariates
    parts: tuple[tuple[int, Path, int], ...]

    def where(self, row: int) -> str:
        """The file and the row of an observation."""
        before, path, first = self.parts[bisect(self.parts, row, key=lambda part: part[0]) - 1]
        return f"{path} row {first + row - before}"


def read_observations(
    files: Sequence[Path],
    columns: Columns,
    measured: Sequence[str],
    types: Mapping[str, pa.DataType],
    advance: Advance,
    dialect: Dialect,
    *,
    written: str,
    counted: bool,
    covariates: Covariates | None,
) -> Observations:
    """Read the given columns of all tables.

    Args:
        files: The tables.
        columns: What to read; `time` is not open.
        measured: The columns with values.
        types: The types of all columns.
        advance: Told, now and then, how many more bytes were read from disk.
        dialect: How the tables are written.
        written: How times are written; empty to find it out.
        counted: Whether whole numbers are an index, whatever they may mean.
        covariates: How known and static columns were encoded; None to find it out.

    Raises:
        UserError: A cell is not what its column should hold, or a time or a name is missing.
    """
    time = str(columns.time)
    known = _Encoded("known", columns.known, types, covariates and covariates.known)
    static = _Encoded("static", columns.static, types, covariates and covariates.static)
    wanted = {time: types[time], **dict.fromkeys(measured, pa.float64())}
    wanted |= dict.fromkeys((*columns.parts, *columns.keys), pa.string())
    wanted |= known.types | static.types
    numbers: dict[Key, int] = {}
    times, owners, values, parts = [], [], [], []
    count = 0
    for rows in read_tables(files, wanted, advance, dialect):
        if rows.batch.num_rows:
            times.append([_whole(rows, name) for name in (time, *columns.parts)])
            owners.append(_owners(rows, columns, numbers))
            values.append(_values(rows, measured))
            known.add(rows)
            static.add(rows)
            parts.append((count, rows.path, rows.first))
            count += rows.batch.num_rows
    if not count:
        raise UserError(f"{', '.join(map(str, files))}: no rows")
    try:
        cells = [pa.concat_arrays(each) for each in zip(*times, strict=True)]
        found = read_times(cells, written, counted=counted)
    except ValueError as error:
        raise UserError(f"{files[0]}, column {time!r}: {error}") from error
    (known_columns, known_values), (static_columns, static_values) = known.whole(), static.whole()
    return Observations(
        tuple(numbers),
        found,
        np.concatenate(owners),
        np.concatenate(values),
        known_values,
        static_values,
        Covariates(known_columns, static_columns),
        tuple(parts),
    )


class _Encoded:
    """Columns of numbers or texts, all as numbers."""

    def __init__(
        self,
        kind: str,
        names: Sequence[str],
        types: Mapping[str, pa.DataType],
        before: Iterable[Covariate] | None,
    ) -> None:
        self._kind, self._names = kind, tuple(names)
        known = {each.name: each for each in before or ()}
        self.types: dict[str, pa.DataType] = {}
        for name in names:
            found = types[name]
            if name in known:
                found = pa.float64() if known[name].texts is None else pa.string()
            if pa.types.is_timestamp(found):
                raise UserError(f"--{kind} {name}: the column holds dates; give numbers or texts")
            texts = found in (pa.string(), pa.bool_())
            self.types[name] = pa.string() if texts else pa.float64()
        if before is None:
            self._texts = {name: Vocabulary(None) for name in names}
        else:
            self._texts = {name: Vocabulary(known[name]) for name in names}
        self._before = known
        self._parts: list[Table] = []

    def add(self, rows: Rows) -> None:
        """Take in some rows."""
        columns = [self._column(rows, name) for name in self._names]
        empty = np.empty((rows.batch.num_rows, 0), np.float32)
        self._parts.append(np.column_stack([empty, *columns]).astype(np.float32))

    def whole(self) -> tuple[tuple[Covariate, ...], Table]:
        """What the columns are, and all their rows."""
        values = np.concatenate(self._parts)
        if self._before:
            return tuple(self._before[name] for name in self._names), values
        found = []
        for at, name in enumerate(self._names):
            if self.types[name] != pa.string():
                found.append(Covariate(name))
                continue
            texts, places = self._texts[name].sorted(name, self._kind)
            there = ~np.isnan(values[:, at])
            values[there, at] = places[values[there, at].astype(int)]
            found.append(Covariate(name, texts))
        return tuple(found), values

    def _column(self, rows: Rows, name: str) -> Float[np.ndarray, " points"]:
        if self.types[name] != pa.string():
            return _numbers(rows, name)
        coded = rows.batch.column(name).dictionary_encode()
        texts = self._texts[name]
        places = [texts.number(text) for text in coded.dictionary.to_pylist()]
        indices = coded.indices.fill_null(len(places)).to_numpy(zero_copy_only=False)
        return np.array([*places, np.nan])[indices]


def _whole(rows: Rows, name: str) -> pa.Array:
    """A column in which nothing may be missing."""
    column = rows.batch.column(name)
    if column.null_count:
        at = column.is_null().index(True).as_py()
        raise UserError(f"{rows.path} row {rows.first + at}, column {name!r}: no value")
    return column


def _owners(rows: Rows, columns: Columns, numbers: dict[Key, int]) -> Int64[np.ndarray, " points"]:
    """Numbers of the series that the rows belong to; `numbers` learns new names."""
    if not columns.keys:
        key = (str(rows.path),) if columns.per_file else ("",)
        return np.full(rows.batch.num_rows, numbers.setdefault(key, len(numbers)))
    coded = [_whole(rows, name).dictionary_encode() for name in columns.keys]
    codes = np.stack([column.indices.to_numpy() for column in coded], axis=1)
    found, first, back = np.unique(codes, axis=0, return_index=True, return_inverse=True)
    names = [column.dictionary.to_pylist() for column in coded]
    places = np.empty(len(found), np.int64)
    for at in np.argsort(first):
        key = tuple(column[code] for column, code in zip(names, found[at], strict=True))
        places[at] = numbers.setdefault(key, len(numbers))
    return places[back.reshape(-1)]


def _values(rows: Rows, names: Sequence[str]) -> Float32[np.ndarray, "points channels"]:
    return np.stack([_numbers(rows, name) for name in names], axis=1)


def _numbers(rows: Rows, name: str) -> Float32[np.ndarray, " points"]:
    cells = rows.batch.column(name).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        values = cells.astype(np.float32)
    for row in np.flatnonzero(np.isinf(values))[:1]:
        raise UserError(
            f"{rows.path} row {rows.first + row}, column {name!r}: {cells[row]} is no number that "
            "float32 can hold"
        )
    return values
