"""What columns seem to be, and the schema that a user has reviewed."""

import datetime
import json

import pyarrow as pa
import pytest
from pyarrow import parquet

from .project import errors, schema, survey

UserError = errors.UserError


def look(tmp_path, **columns):
    """A survey of a table with these columns."""
    parquet.write_table(pa.table(columns), tmp_path / "table.parquet")
    return survey.survey_tables([tmp_path / "table.parquet"], progress=False)


def infer(tmp_path, *, target="y", task=None, ignore=(), **columns):
    found = look(tmp_path, **columns)
    return schema.infer_schema(found, target=target, task=task, ignore=ignore)


ROWS = 60
NUMBERS = [float(number) for number in range(ROWS)]
COLUMNS = {
    "number": NUMBERS,
    "whole": [number**2 for number in range(ROWS)],
    "truth": [number % 3 == 0 for number in range(ROWS)],
    "day": [datetime.date(2024, 1, 1) + datetime.timedelta(number) for number in range(ROWS)],
    "word": [f"w{number % 4}" if number else None for number in range(ROWS)],
    "name": [f"n{number}" for number in range(ROWS)],
    "row": list(range(1, ROWS + 1)),
    "nothing": pa.nulls(ROWS),
    "list": [[number] for number in range(ROWS)],
    "y": ["a", "b", "c"] * (ROWS // 3),
}


def test_columns_are_judged_by_what_they_hold(tmp_path):
    found = infer(tmp_path, **COLUMNS)
    told = {name: (column.kind, column.note) for name, column in found.columns.items()}
    assert told == {
        "number": ("number", "from 0 to 59"),
        "whole": ("number", "from 0 to 3481"),
        "truth": ("boolean", "2 values: False (40), True (20)"),
        "day": ("date", "from 2024-01-01 00:00:00 to 2024-02-29 00:00:00"),
        "word": ("category", "1 missing, 4 values: w1 (15), w2 (15), w3 (15), ..."),
        "name": ("ignored", "like an identifier: 60 values: n0 (1), n1 (1), n2 (1), ..."),
        "row": ("ignored", "it numbers the rows"),
        "nothing": ("ignored", "no value in any row"),
        "list": ("ignored", "its values are of type list<element: int64>"),
    }
    assert found.target == "y" and found.task == "classification"


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b"] * 30, "classification"),
        ([True, False] * 30, "classification"),
        ([number % 20 for number in range(ROWS)], "classification"),
        ([number % 21 for number in range(ROWS)], "regression"),
        (NUMBERS, "regression"),
        ([0.0, 1.0] * 30, "regression"),
    ],
)
def test_the_task_follows_from_the_target(tmp_path, values, task):
    assert infer(tmp_path, x=NUMBERS, y=values).task == task
    other = {"classification": "regression", "regression": "classification"}[task]
    assert infer(tmp_path, x=NUMBERS, y=values, task=other).task == other


def test_rows_that_are_numbered_again_in_each_file_are_noticed(tmp_path):
    for name in ("a", "b"):
        table = pa.table({"row": list(range(7, 37)), "other": [*range(29), 30]})
        parquet.write_table(table, tmp_path / f"{name}.parquet", row_group_size=7)
    found = survey.survey_tables(sorted(tmp_path.glob("*.parquet")), progress=False)
    assert found.columns["row"].numbers_rows and not found.columns["other"].numbers_rows
    assert found.name == "a.parquet and 1 more"


def test_too_many_values_are_not_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(survey, "_MOST_COUNTED", 20)
    found = look(tmp_path, **COLUMNS).columns["name"]
    assert found.countless and found.mostly_distinct and not found.counts
    assert found.note == "more than 20 values"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"target": "z"}, r"table.parquet has no column 'z'; its columns: x, y"),
        ({"ignore": ("z",)}, r"table.parquet has no column 'z'"),
        ({"ignore": ("x",)}, r"no column to predict from \(x: as --ignore says\)"),
        ({"ignore": ("y",)}, "--ignore y: the target cannot be ignored"),
        ({"y": pa.nulls(ROWS)}, "the target 'y' holds neither classes nor numbers"),
        ({"y": COLUMNS["day"]}, "the target 'y' holds neither classes nor numbers"),
    ],
)
def test_what_cannot_be_predicted_is_reported(tmp_path, fields, message):
    with pytest.raises(UserError, match=message):
        infer(tmp_path, **{"x": NUMBERS, "y": NUMBERS, **fields})


# Reviewed schemas


def read(tmp_path, found):
    path = tmp_path / "s.json"
    return schema.check_schema(path, schema.read_schema(path), found)


def test_a_written_schema_is_read_back(tmp_path):
    found = infer(tmp_path, **COLUMNS)
    (tmp_path / "s.json").write_text(found.model_dump_json())
    assert read(tmp_path, look(tmp_path, **COLUMNS)) == found


def test_notes_may_be_left_out(tmp_path):
    text = {"target": "y", "task": "regression", "columns": {"x": {"kind": "category"}}}
    (tmp_path / "s.json").write_text(json.dumps(text))
    found = read(tmp_path, look(tmp_path, x=NUMBERS, y=NUMBERS))
    assert found.of_kind("category") == ["x"]


def test_a_schema_settles_how_columns_are_written(tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("x,y\n" + "".join(f'"1,{at:03}",{at}\n' for at in range(100, 130)))
    text = {"target": "y", "task": "regression", "columns": {"x": {"kind": "number"}}}
    found = survey.survey_tables([table], progress=False)
    with pytest.raises(UserError, match=r"t.csv, column 'x': '1,100' may be 1100 or 1.100: give"):
        schema.check_schema(table, schema.TableSchema.model_validate(text), found)
    text["dialect"] = {"formats": {"x": "1,234.5"}}
    given = schema.TableSchema.model_validate(text)
    found = survey.survey_tables([table], progress=False, dialect=given.dialect)
    assert schema.check_schema(table, given, found).dialect.formats == {"x": "1,234.5"}
    assert (found.columns["x"].low, found.columns["x"].high) == (1100.0, 1129.0)


X = {"x": {"kind": "number"}}
FAULTY = {
    "no JSON": ("{", r"s.json: Invalid JSON: "),
    "a list": ([], r"s.json: Input should be an object"),
    "no target": ({"task": "regression", "columns": X}, r"s.json: target: Field required"),
    "task": ({"target": "y", "task": "sorting", "columns": X}, r"s.json: task: .*'regression'"),
    "kind": (
        {"target": "y", "task": "regression", "columns": {"x": {"kind": "numeric"}}},
        r"s.json: columns: x: kind: Input should be 'number'",
    ),
    "field": (
        {"target": "y", "task": "regression", "columns": {"x": {"kind": "number", "std": 1}}},
        r"s.json: columns: x: std: Extra inputs",
    ),
    "unknown": (
        {"target": "y", "task": "regression", "columns": {**X, "z": {"kind": "number"}}},
        r"s.json: column 'z' is not in table.parquet",
    ),
    "lacking": (
        {"target": "x", "task": "regression", "columns": X},
        r"s.json lacks the column 'y'",
    ),
    "twice": (
        {"target": "y", "task": "regression", "columns": {**X, "y": {"kind": "number"}}},
        r"s.json: column 'y' is the target and no input",
    ),
    "format": (
        {
            "target": "y",
            "task": "regression",
            "columns": X,
            "dialect": {"formats": {"x": "%d.%m"}},
        },
        r"s.json: dialect: formats: x: '%d.%m' shows no way of writing, such as",
    ),
    "dialect": (
        {"target": "y", "task": "regression", "columns": X, "dialect": {"quote": "'"}},
        r"s.json: dialect: quote: Unexpected",
    ),
    "nothing left": (
        {"target": "y", "task": "regression", "columns": {"x": {"kind": "ignored"}}},
        r"s.json: all columns are ignored",
    ),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_schema_is_reported(tmp_path, name):
    content, message = FAULTY[name]
    text = content if isinstance(content, str) else json.dumps(content)
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, look(tmp_path, x=NUMBERS, y=NUMBERS))
    assert "\n" not in str(caught.value)


def test_a_schema_that_is_not_there_is_reported(tmp_path):
    with pytest.raises(UserError, match=r"s.json cannot be read: No such file"):
        read(tmp_path, look(tmp_path, x=NUMBERS, y=NUMBERS))
