"""From tables to a data set: a reviewed schema, rows divided by hash, packed records.

The files are read five times (types, values, splits, statistics, records), batch by batch, so that
a table of any size fits into memory, which holds some 40 bytes for each row. What a column is, and
which classes there are, is judged by all rows; every number that the model is given (means,
deviations, lists of categories) comes from the training split alone.
"""

import hashlib
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Bool, Float64

from . import sources
from .encoding import Category, Encoding, Number, Target, Values, pack
from .errors import UserError
from .files import write_atomically
from .reporting.byte_progress import ByteProgress
from .schema import TableSchema, check_schema, infer_schema, read_schema
from .sources import Source
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .storage.splitting import SPLITS, Division, Splitter, split_lines
from .survey import counted, survey_tables
from .tables import read_tables, size_of

PERCENT = (70, 10, 20)  # of the rows are for training, validation, and the test
_MOST_CLASSES = 1000
_MOST_LISTED = 40  # columns in a summary
# A value that the training split has less often than this teaches too little to stand by itself.
_RARE = 5
_MOST_VALUES = 1000  # of one category
_IMBALANCED = 0.9  # of all rows in one class: accuracy says little


def write_table(writer: DataSetWriter, source: Source, *, progress: bool) -> dict[str, Any]:
    """Write the splits of a source.

    Args:
        writer: Where they go.
        source: The tables and what is known of their columns.
        progress: Show progress on standard error.

    Returns:
        What the data set is to remember.

    Raises:
        UserError: A table cannot be read or is too small, its columns are not as the source says,
            or a file cannot be written.
    """
    paths = _files(source, writer.scratch)
    schema = _schema(source, paths, progress)
    encoding = _columns(schema)
    (splits, division), without_target, doubles = _divide(paths, schema, encoding, progress)
    trained = np.array([split == SPLITS[0] for split in splits])
    classes = division.get("classes", {}).get(SPLITS[0], ())
    parts = _read("measuring columns", paths, encoding, progress)
    encoding, last = _fitted(encoding, parts, trained, classes), iter(splits)
    for values in _read("writing rows", paths, encoding, progress):
        for record in pack(*encoding.encode(values), encoding.encode_targets(values)):
            writer.write(next(last), record)
    return {
        "kind": "table",
        "source": source.name,
        "schema": schema.model_dump(),
        "encoding": encoding.model_dump(),
        "split": division,
        "rows_without_target": without_target,
        "double_rows": doubles,
    }


def propose_schema(source: Source, path: Path, *, progress: bool) -> str:
    """Write what the columns of a source seem to be, for review, and say so.

    Raises:
        UserError: A table cannot be read, or the file cannot be written.
    """
    with tempfile.TemporaryDirectory() as scratch:
        schema = _schema(source, _files(source, Path(scratch)), progress)
    try:
        write_atomically(path, schema.model_dump_json(indent=2) + "\n")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    return f"{describe(schema)}\n{path}: correct it as you like, then prepare with --schema {path}"


def summary(data_set: DataSet) -> str:
    """Tell what a data set of tables holds."""
    info = data_set.info
    lines = [f"{data_set.directory}: {info['source']}", *split_lines(info["split"], "rows")]
    if info["rows_without_target"]:
        lines.append(f"  {info['rows_without_target']:,} rows without a target were skipped")
    if info.get("double_rows"):
        lines.append(f"  {info['double_rows']:,} rows equal another one; those share a split")
    lines += _imbalance(info["split"])
    return "\n".join([*lines, describe(TableSchema.model_validate(info["schema"]))])


def describe(schema: TableSchema) -> str:
    """A schema for a reader: a line for each column, those that are ignored last."""
    lines = [f"read as {way}" for way in schema.files]
    written = schema.dialect.formats.get(schema.target, "")
    numbers = f", written like {written}" if written and schema.task == "regression" else ""
    lines += [f"{schema.target} is predicted ({schema.task}{numbers}) from"]
    columns = sorted(schema.columns.items(), key=lambda item: item[1].kind == "ignored")
    width = max(len(name) for name, _ in columns[:_MOST_LISTED])
    lines += [
        f"  {name:<{width}}  {column.kind:<8}  {column.note}"
        for name, column in columns[:_MOST_LISTED]
    ]
    if len(columns) > _MOST_LISTED:
        lines.append(f"  and {len(columns) - _MOST_LISTED:,} more columns")
    return "\n".join(lines)


def _imbalance(division: Mapping[str, Any]) -> list[str]:
    """A warning, if one class is nearly all."""
    of_splits = division.get("classes", {}).values()
    totals = sum((Counter(counts) for counts in of_splits), Counter[str]())
    lines = []
    for name, count in totals.most_common(1):
        share = count / totals.total()
        if share >= _IMBALANCED:
            lines.append(
                f"  warning: {share:.0%} of the rows are {name}: look at balanced_accuracy, f1 and "
                "auc, and consider objective.class_weights=balanced or objective.focal_gamma=2"
            )
    return lines


def _files(source: Source, scratch: Path) -> tuple[Path, ...]:
    if source.files:
        return source.files
    path = scratch / f"{source.sample}.csv"
    sources.write_sample(source.sample, path)
    return (path,)


def _schema(source: Source, paths: Sequence[Path], progress: bool) -> TableSchema:
    if source.schema is not None:
        given = read_schema(source.schema)
        survey = survey_tables(paths, progress=progress, dialect=given.dialect, target=given.target)
        return check_schema(source.schema, given, survey)
    survey = survey_tables(paths, progress=progress, dialect=source.dialect, target=source.target)
    return infer_schema(
        survey,
        target=source.target,
        task=source.task,
        ignore=source.ignore,
        group=source.group,
    )


def _columns(schema: TableSchema) -> Encoding:
    """How rows are read; what they mean is not known yet."""
    return Encoding(
        numbers=[
            Number.model_validate({"name": name, "kind": schema.columns[name].kind})
            for name in schema.of_kind("number", "boolean", "date")
        ],
        categories=[Category(name=name) for name in schema.of_kind("category")],
        ignored=schema.of_kind("ignored"),
        target=Target(name=schema.target, task=schema.task),
        dialect=schema.dialect,
    )


def _read(what: str, paths: Sequence[Path], encoding: Encoding, progress: bool) -> Iterator[Values]:
    """The rows that have a target, batch by batch."""
    with ByteProgress(what, size_of(paths), enabled=progress) as bar:
        types = encoding.types(targets=True)
        for rows in read_tables(paths, types, bar.advance, encoding.dialect):
            values = encoding.values(rows)
            yield values.filter(values.targets.is_valid())


def _divide(
    paths: Sequence[Path], schema: TableSchema, encoding: Encoding, progress: bool
) -> tuple[Division, int, int]:
    """Which split each row with a target is in, how many have none, and how many are doubles."""
    seen = array("q")
    splitter = Splitter(PERCENT, f"column {schema.group!r}" if schema.group else "the row")
    types, without_target = encoding.types(targets=True), 0
    types |= {schema.group: pa.string()} if schema.group else {}
    classes = schema.task == "classification"
    with ByteProgress("dividing rows", size_of(paths), enabled=progress) as bar:
        for rows in read_tables(paths, types, bar.advance, encoding.dialect):
            values = encoding.values(rows)
            there = values.targets.is_valid()
            values = values.filter(there)
            without_target += rows.batch.num_rows - len(values.targets)
            digests = values.digests()
            seen.frombytes(b"".join(digest[:8] for digest in digests))
            if schema.group:
                groups = rows.batch.column(schema.group).filter(there).to_pylist()
                digests = [
                    digest if group is None else hashlib.sha256(group.encode()).digest()
                    for digest, group in zip(digests, groups, strict=True)
                ]
            labels = values.targets.to_pylist() if classes else [""] * len(digests)
            for digest, label in zip(digests, labels, strict=True):
                splitter.add(digest, label)
    if not len(splitter):
        raise UserError(
            f"no row has a value of the target {schema.target!r} ({without_target:,} rows without)"
        )
    if classes:
        _check_classes(schema.target, list(splitter.labels))
    return splitter.divide(), without_target, len(seen) - len(np.unique(np.array(seen)))


def _check_classes(target: str, classes: list[str]) -> None:
    if len(classes) < 2:
        raise UserError(f"the target {target!r} has one class only: {classes[0]}")
    if len(classes) > _MOST_CLASSES:
        raise UserError(
            f"the target {target!r} has {len(classes):,} classes, more than {_MOST_CLASSES:,}: "
            "give --kind regression if they are numbers, or another --target"
        )


class Moments:
    """Means and deviations of columns, added up part by part (Chan, Golub and LeVeque, 1983)."""

    def __init__(self, columns: int) -> None:
        self.count = np.zeros(columns)
        self.mean = np.zeros(columns)
        self._squares = np.zeros(columns)

    def add(self, numbers: Float64[np.ndarray, "batch num_numbers"]) -> None:
        """Take in rows; NaN stands for no value."""
        there = ~np.isnan(numbers)
        count = there.sum(axis=0)
        some = np.maximum(count, 1)
        mean = np.where(there, numbers, 0.0).sum(axis=0) / some
        squares = np.where(there, np.square(numbers - mean[None]), 0.0).sum(axis=0)
        total = np.maximum(self.count + count, 1)
        apart = mean - self.mean
        self._squares += squares + np.square(apart) * self.count * count / total
        self.mean += apart * count / total
        self.count += count

    @property
    def std(self) -> Float64[np.ndarray, " num_numbers"]:
        """Standard deviations, 0 for a column that is constant but for rounding."""
        std = np.sqrt(self._squares / np.maximum(self.count, 1))
        return np.where(std > 1e-10 * np.abs(self.mean), std, 0.0)


def _fitted(
    encoding: Encoding,
    parts: Iterable[Values],
    trained: Bool[np.ndarray, " batch"],
    classes: Iterable[str],
) -> Encoding:
    """The encoding with what the training split says about each column.

    Args:
        encoding: How the rows were read.
        parts: All rows, part by part.
        trained: Which of them are in the training split.
        classes: What is told apart, if the target is one of classes.
    """
    target, row = encoding.target, 0
    regression = target.task == "regression"
    moments = Moments(len(encoding.numbers) + regression)
    counts: list[Counter[str | None]] = [Counter() for _ in encoding.categories]
    for values in parts:
        here = trained[row : row + len(values.numbers)]
        row += len(here)
        some = values.filter(pa.array(here))
        moments.add(some.all_numbers)
        for counter, texts in zip(counts, some.texts, strict=True):
            counter.update(counted(texts))
    mean, std = moments.mean.tolist(), moments.std.tolist()
    if regression and not std[-1]:
        raise UserError(f"the target {target.name!r} has the same value in every row")
    missing = (trained.sum() - moments.count).astype(int).tolist()
    numbers = [
        number.model_copy(update={"mean": mean[at], "std": std[at] or 1.0, "missing": missing[at]})
        for at, number in enumerate(encoding.numbers)
    ]
    categories = [
        category.model_copy(update={"values": _frequent(found)})
        for category, found in zip(encoding.categories, counts, strict=True)
    ]
    learned = {"mean": mean[-1], "std": std[-1]} if regression else {"classes": _in_order(classes)}
    target = target.model_copy(update=learned)
    return encoding.model_copy(
        update={"numbers": numbers, "categories": categories, "target": target}
    )


def _frequent(counts: Counter[str | None]) -> list[str | None]:
    """The values that are not rare, the most frequent first, equal ones in alphabetical order."""
    often = [(value, count) for value, count in counts.items() if count >= _RARE]
    often.sort(key=lambda item: (-item[1], item[0] is not None, item[0] or ""))
    return [value for value, _ in often[:_MOST_VALUES]]


def _in_order(classes: Iterable[str]) -> list[str]:
    """Classes in numerical order where all are numbers, otherwise in alphabetical order."""
    try:
        return sorted(classes, key=float)
    except ValueError:
        return sorted(classes)
