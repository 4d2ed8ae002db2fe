"""What the columns of a table are: inferred for review, or as the user says."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import Field, ValidationError

from . import cells, spelling
from . import survey as surveyed
from .dialect import Dialect
from .errors import UserError
from .settings import Settings
from .survey import Survey

Kind = Literal["number", "boolean", "date", "category", "ignored"]
Task = Literal["classification", "regression"]

_KINDS: dict[pa.DataType, Kind] = {
    pa.int64(): "number",
    pa.float64(): "number",
    pa.bool_(): "boolean",
    cells.NAIVE: "date",
    cells.UTC: "date",
    pa.string(): "category",
}
_MOST_NUMBERED_CLASSES = 20  # a target of whole numbers of at most so many values is one of classes


class Column(Settings):
    """One column.

    Attributes:
        kind: ``number``; ``boolean``, a number too; ``date``, the number of days since 1970;
            ``category``, a text of which each value is learned by itself; or ``ignored``.
        note: What was found in the column, for the reader; it decides nothing.
    """

    kind: Kind
    note: str = ""


class TableSchema(Settings):
    """What is predicted from what.

    Attributes:
        target: The column to predict.
        task: Whether its values are classes or numbers.
        group: An ignored column; rows with the same value in it stay in one split.
        columns: All columns but the target.
        dialect: How the cells of the files are written.
        files: How the files are read, for the reader; it decides nothing.
    """

    target: str
    task: Task
    group: str | None = None
    columns: dict[str, Column] = Field(min_length=1)
    dialect: Dialect = Field(default_factory=Dialect)
    files: list[str] = Field(default_factory=list)

    def of_kind(self, *kinds: Kind) -> list[str]:
        """The columns of some kinds, in their order."""
        return [name for name, column in self.columns.items() if column.kind in kinds]


def infer_schema(
    survey: Survey,
    *,
    target: str,
    task: str | None,
    ignore: tuple[str, ...],
    group: str | None = None,
) -> TableSchema:
    """What the columns seem to be.

    Args:
        survey: What is in them.
        target: The column to predict.
        task: Whether that is ``classification`` or ``regression``; None decides by its values.
        ignore: Columns that the model shall not see.
        group: One more, whose values keep rows together.

    Raises:
        UserError: A column is not there or cannot be used, or nothing is left to predict from.
    """
    unseen = dict.fromkeys(ignore, "as --ignore says")
    if group is not None:
        unseen[group] = "keeps rows in one split"
    for name in (target, *unseen):
        if name not in survey.columns:
            listed = ", ".join(survey.columns)
            raise UserError(f"{survey.name} has no column {name!r}; its columns: {listed}")
    if target in unseen:
        option, done = ("group", "a group") if target == group else ("ignore", "ignored")
        raise UserError(f"--{option} {target}: the target cannot be {done}")
    columns = {
        name: Column(kind="ignored", note=unseen[name])
        if name in unseen
        else _judge(found, found.same_as not in unseen)
        for name, found in survey.columns.items()
        if name != target
    }
    if all(column.kind == "ignored" for column in columns.values()):
        notes = "; ".join(f"{name}: {column.note}" for name, column in columns.items())
        raise UserError(f"{survey.name} has no column to predict from ({notes})")
    decided = _task(survey, target) if task is None else task
    used = [name for name, column in columns.items() if column.kind != "ignored"]
    _check_certain(survey, used if decided == "classification" else [*used, target])
    schema = TableSchema.model_validate(
        {"target": target, "task": decided, "group": group, "columns": columns}
    )
    return schema.model_copy(update={"dialect": survey.dialect, "files": survey.files})


def read_schema(path: Path) -> TableSchema:
    """Read a reviewed schema, as ``prepare --write-schema`` writes it.

    Raises:
        UserError: It is no schema.
    """
    try:
        schema = TableSchema.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        problem = error.errors()[0]
        raise UserError(": ".join(map(str, (path, *problem["loc"], problem["msg"])))) from error
    for name, written in schema.dialect.formats.items():
        if not spelling.is_shown(written):
            raise UserError(
                f"{path}: dialect: formats: {name}: {written!r} shows no way of writing, such as "
                "'1,234.5' or 'd/m/y'"
            )
    return schema


def check_schema(path: Path, schema: TableSchema, survey: Survey) -> TableSchema:
    """A reviewed schema, completed by what was found of how the columns that it uses are written.

    Args:
        path: Where it was read from.
        schema: What it says.
        survey: What is in the columns that it describes.

    Raises:
        UserError: It is one of other columns, or contradicts itself.
    """
    described = {schema.target, *schema.columns}
    for name in (*described, *survey.columns):
        if name not in survey.columns:
            raise UserError(f"{path}: column {name!r} is not in {survey.name}")
        if name not in described:
            raise UserError(f"{path} lacks the column {name!r}: name it, if only as ignored")
    if schema.target in schema.columns:
        raise UserError(f"{path}: column {schema.target!r} is the target and no input")
    if schema.group is not None and schema.group not in schema.of_kind("ignored"):
        raise UserError(f"{path}: the group {schema.group!r} must be a column that is ignored")
    if not schema.of_kind("number", "boolean", "date", "category"):
        raise UserError(f"{path}: all columns are ignored, nothing is left to predict from")
    numbers = schema.of_kind("number", "date")
    _check_certain(survey, numbers + [schema.target] * (schema.task == "regression"))
    return schema.model_copy(update={"dialect": survey.dialect, "files": survey.files})


def _check_certain(survey: Survey, names: Iterable[str]) -> None:
    """Complain of a column that can be read in two ways."""
    for name in names:
        if doubt := survey.columns[name].doubt:
            raise UserError(f"{survey.name}, column {name!r}: {doubt}")


def _judge(column: surveyed.Column, copies_count: bool) -> Column:
    kind = _KINDS.get(column.dtype)
    if column.same_as and copies_count:
        return Column(kind="ignored", note=f"the same as {column.same_as!r} in every row")
    if column.dtype == pa.null():
        return Column(kind="ignored", note="no value in any row")
    if kind is None:
        return Column(kind="ignored", note=f"its values are of type {column.dtype}")
    if column.numbers_rows:
        return Column(kind="ignored", note="it numbers the rows")
    if column.constant:
        return Column(kind="ignored", note=f"the same in every row: {column.note}")
    if kind == "category" and column.mostly_distinct and not column.doubt:
        like = "free text" if column.is_prose else "like an identifier"
        return Column(kind="ignored", note=f"{like}: {column.note}")
    return Column(kind=kind, note=column.note)


def _task(survey: Survey, target: str) -> Task:
    column = survey.columns[target]
    if column.dtype == pa.string() and column.doubt:
        return "regression"
    if column.dtype == pa.string() and column.mostly_distinct:
        values = "countless values" if column.countless else f"{len(column.counts):,} values"
        raise UserError(
            f"the target {target!r} has {values} in {column.there:,} rows, such as "
            f"{column.examples}: correct it if they should be numbers, or give --kind "
            "classification if they are classes"
        )
    if column.dtype in (pa.string(), pa.bool_()):
        return "classification"
    if column.dtype == pa.int64() and not column.countless:
        few = len(column.counts) <= _MOST_NUMBERED_CLASSES
        return "classification" if few else "regression"
    if column.dtype not in (pa.int64(), pa.float64()):
        raise UserError(f"the target {target!r} holds neither classes nor numbers: {column.note}")
    return "regression"
