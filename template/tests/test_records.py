"""Rows of predictions on disk: either format, whole or not at all."""

import json
import math

import numpy as np
import pytest

from .project import errors, reporting

write_records = reporting.records.write_records
ROWS = [
    {"name": 'a, "b"\nü', "share": np.float32(0.1), "count": np.int64(3), "missing": math.nan},
    {"name": "c", "share": np.float32(1e-8), "count": 4, "missing": None},
]


def test_csv(tmp_path):
    path = tmp_path / "rows.csv"
    assert write_records(iter(ROWS), path) == 2
    assert path.read_bytes().decode() == (
        'name,share,count,missing\n"a, ""b""\nü",0.1,3,\nc,1e-08,4,\n'
    )


def test_json_lines(tmp_path):
    path = tmp_path / "rows.jsonl"
    assert write_records(iter(ROWS), path) == 2
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert first == {"name": 'a, "b"\nü', "share": 0.1, "count": 3, "missing": None}
    assert second == {"name": "c", "share": 1e-8, "count": 4, "missing": None}


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_a_failure_on_the_way_leaves_what_was_there(tmp_path, name):
    def rows():
        yield from ROWS
        raise errors.UserError("the third row cannot be read")

    path = tmp_path / name
    path.write_text("before")
    with pytest.raises(errors.UserError, match="third row"):
        write_records(rows(), path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_places_that_cannot_be_written(tmp_path):
    check = reporting.records.check_output
    check(None, ".csv")
    check(tmp_path / "a.CSV", ".csv", ".jsonl")
    with pytest.raises(errors.UserError, match=r"must end in \.csv or \.jsonl"):
        check(tmp_path / "a.txt", ".csv", ".jsonl")
    with pytest.raises(errors.UserError, match="does not exist"):
        check(tmp_path / "nowhere" / "a.csv", ".csv")
