"""From tables to a data set: a reviewed schema, rows divided by hash, packed records.

The files are read five times (types, values, splits, statistics, records), batch by batch, so that
a table of any size fits into memory, which holds some 30 bytes for each row. What a column is, and
which classes there are, is judged by all rows; every number that the model is given (means,
deviations, lists of categories) comes from the training split alone.
"""

import hashlib
import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from . import sources
from .encoding import Category, Encoding, Number, Target, Values, pack
from .errors import UserError
from .files import write_atomically
from .reporting.byte_progress import ByteProgress
from .schema import TableSchema, infer_schema, read_schema, write_schema
from .sources import Source
from .statistics import Statistics
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .storage.splitting import SPLITS, Division, Splitter, split_lines
from .survey import survey_tables
from .tables import read_tables, size_of

PERCENT = (70, 10, 20)  # of the rows are for training, validation, and the test
_MOST_CLASSES = 1000
_MOST_LISTED = 40  # columns in a summary


def prepare_table(source: Source, directory: Path, *, overwrite: bool, progress: bool) -> DataSet:
    """Write the data set of a source.

    Args:
        source: The tables and what is known of their columns.
        directory: Where the data set will stand.
        overwrite: Replace the data set that stands there.
        progress: Show progress on standard error.

    Returns:
        The finished data set.

    Raises:
        UserError: A table cannot be read or is too small, its columns are not as the source says,
            or the data set cannot be written. Nothing is left behind.
    """
    with DataSetWriter(directory, overwrite=overwrite) as writer:
        paths = _files(source, writer.scratch)
        schema = _schema(source, paths, progress)
        encoding = _columns(schema)
        (splits, division), without_target = _divide(paths, schema, encoding, progress)
        statistics, last = Statistics(encoding), iter(splits)
        for values in _read("measuring columns", paths, encoding, progress):
            chosen = itertools.islice(last, len(values.numbers))
            statistics.add(values, np.array([split == SPLITS[0] for split in chosen], bool))
        if encoding.target.task == "regression" and not statistics.target_varies:
            raise UserError(f"the target {schema.target!r} has the same value in every row")
        encoding = statistics.fitted(division.get("classes", {}).get(SPLITS[0], ()))
        last = iter(splits)
        for values in _read("writing rows", paths, encoding, progress):
            for record in pack(*encoding.encode(values), encoding.encode_targets(values)):
                writer.write(next(last), record)
        return writer.commit(
            {
                "kind": "table",
                "source": source.name,
                "schema": schema.model_dump(),
                "encoding": encoding.model_dump(),
                "split": division,
                "rows_without_target": without_target,
            }
        )


def propose_schema(source: Source, path: Path, *, progress: bool) -> str:
    """Write what the columns of a source seem to be, for review, and say so.

    Raises:
        UserError: A table cannot be read, or the file cannot be written.
    """
    with tempfile.TemporaryDirectory() as scratch:
        schema = _schema(source, _files(source, Path(scratch)), progress)
    try:
        write_atomically(path, write_schema(schema))
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error
    return f"{describe(schema)}\n{path}: correct it as you like, then prepare with --schema {path}"


def summary(data_set: DataSet) -> str:
    """Tell what a data set of tables holds."""
    info = data_set.info
    lines = [f"{data_set.directory}: {info['source']}", *split_lines(info["split"], "rows")]
    if info["rows_without_target"]:
        lines.append(f"  {info['rows_without_target']:,} rows without a target were skipped")
    return "\n".join([*lines, describe(TableSchema.model_validate(info["schema"]))])


def describe(schema: TableSchema) -> str:
    """A schema for a reader: a line for each column, those that are ignored last."""
    lines = [f"{schema.target} is predicted ({schema.task}) from"]
    columns = sorted(schema.columns.items(), key=lambda item: item[1].kind == "ignored")
    width = max(len(name) for name, _ in columns[:_MOST_LISTED])
    lines += [
        f"  {name:<{width}}  {column.kind:<8}  {column.note}"
        for name, column in columns[:_MOST_LISTED]
    ]
    if len(columns) > _MOST_LISTED:
        lines.append(f"  and {len(columns) - _MOST_LISTED:,} more columns")
    return "\n".join(lines)


def _files(source: Source, scratch: Path) -> tuple[Path, ...]:
    if source.files:
        return source.files
    path = scratch / f"{source.sample}.csv"
    sources.write_sample(source.sample, path)
    return (path,)


def _schema(source: Source, paths: Sequence[Path], progress: bool) -> TableSchema:
    survey = survey_tables(paths, progress=progress)
    if source.schema is not None:
        return read_schema(source.schema, survey)
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
    )


def _read(what: str, paths: Sequence[Path], encoding: Encoding, progress: bool) -> Iterator[Values]:
    """The rows that have a target, batch by batch."""
    with ByteProgress(what, size_of(paths), enabled=progress) as bar:
        for rows in read_tables(paths, encoding.types(targets=True), bar.advance):
            yield encoding.values(rows).with_target()


def _divide(
    paths: Sequence[Path], schema: TableSchema, encoding: Encoding, progress: bool
) -> tuple[Division, int]:
    """Which split each row with a target is in, and how many rows have none."""
    splitter = Splitter(PERCENT, f"column {schema.group!r}" if schema.group else "the row")
    types, without_target = encoding.types(targets=True), 0
    types |= {schema.group: pa.string()} if schema.group else {}
    classes = schema.task == "classification"
    with ByteProgress("dividing rows", size_of(paths), enabled=progress) as bar:
        for rows in read_tables(paths, types, bar.advance):
            values = encoding.values(rows)
            there = values.targets.is_valid()
            values = values.with_target()
            without_target += rows.batch.num_rows - len(values.targets)
            digests = values.digests()
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
    return splitter.divide(), without_target


def _check_classes(target: str, classes: list[str]) -> None:
    if len(classes) < 2:
        raise UserError(f"the target {target!r} has one class only: {classes[0]}")
    if len(classes) > _MOST_CLASSES:
        raise UserError(
            f"the target {target!r} has {len(classes):,} classes, more than {_MOST_CLASSES:,}: "
            "give --kind regression if they are numbers, or another --target"
        )
