"""From tables to a data set: a reviewed schema, rows split by hash, packed records.

The files are read four times (types, values, statistics, records), batch by batch, so that a table
of any size fits into memory. What a column is, and which classes there are, is judged by all rows;
every number that the model is given (means, deviations, lists of categories) comes from the
training split alone.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import sources
from .encoding import Category, Encoding, Number, Target, pack
from .errors import UserError
from .files import write_atomically
from .reporting.byte_progress import ByteProgress
from .schema import TableSchema, infer_schema, read_schema, write_schema
from .sources import Source
from .statistics import Statistics, split_of
from .storage.dataset import DataSet
from .storage.dataset_writer import DataSetWriter
from .storage.splits import SPLITS
from .survey import survey_tables
from .tables import read_tables, size_of

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
        statistics = _measure(paths, _columns(schema), progress)
        encoding = statistics.fitted()
        _check_enough(statistics, encoding)
        types = encoding.types(targets=True)
        with ByteProgress("writing rows", size_of(paths), enabled=progress) as bar:
            for rows in read_tables(paths, types, bar.advance):
                values = encoding.values(rows).with_target()
                packed = pack(*encoding.encode(values), encoding.encode_targets(values))
                for digest, record in zip(values.digests(), packed, strict=True):
                    writer.write(split_of(digest), record)
        return writer.commit(
            {
                "kind": "table",
                "source": source.name,
                "schema": schema.model_dump(),
                "encoding": encoding.model_dump(),
                "classes": {name: statistics.classes[name] for name in encoding.target.classes},
                "rows": {split: statistics.rows[split] for split in SPLITS},
                "rows_without_target": statistics.without_target,
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
    lines = [f"{data_set.directory}: {info['source']}"]
    lines += [f"  {split:<10} {rows:>11,} rows" for split, rows in info["rows"].items()]
    if info["rows_without_target"]:
        lines.append(f"  {info['rows_without_target']:,} rows without a target were skipped")
    if info["classes"]:
        classes = [f"{name} ({count:,})" for name, count in info["classes"].items()]
        more = ", ..." if len(classes) > 10 else ""
        lines.append(f"  {len(classes)} classes: {', '.join(classes[:10])}{more}")
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
    return infer_schema(survey, target=source.target, task=source.task, ignore=source.ignore)


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


def _measure(paths: Sequence[Path], encoding: Encoding, progress: bool) -> Statistics:
    statistics = Statistics(encoding)
    with ByteProgress("measuring columns", size_of(paths), enabled=progress) as bar:
        for rows in read_tables(paths, encoding.types(targets=True), bar.advance):
            statistics.add(encoding.values(rows))
    return statistics


def _check_enough(statistics: Statistics, encoding: Encoding) -> None:
    target, rows = encoding.target, sum(statistics.rows.values())
    if not rows:
        raise UserError(
            f"no row has a value of the target {target.name!r} "
            f"({statistics.without_target:,} rows without)"
        )
    for split in SPLITS:
        if not statistics.rows[split]:
            raise UserError(f"the {split} split has no row: {rows} rows are too few, give more")
    if target.task == "regression":
        if not statistics.target_varies:
            raise UserError(f"the target {target.name!r} has the same value in every row")
        return
    classes = len(target.classes)
    if classes < 2:
        raise UserError(f"the target {target.name!r} has one class only: {target.classes[0]}")
    if classes > _MOST_CLASSES:
        raise UserError(
            f"the target {target.name!r} has {classes:,} classes, more than {_MOST_CLASSES:,}: "
            "give --kind regression if they are numbers, or another --target"
        )
