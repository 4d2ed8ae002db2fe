"""Prepared tables: who is in which split, what the training split teaches, and mistakes."""

import csv
import json
import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from . import tiny_task
from .project import data, encoding, errors, preparation, sources, storage

UserError = errors.UserError
SPLITS = storage.splitting.SPLITS


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path, header, rows):
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows(rows)


def prepare(*files: Path, target: str = "y", directory="data", overwrite=False, **said):
    paths = tuple(sorted(files))
    source = sources.Source(files=paths, target=target, **said)
    settings = data.TableData(directory=directory)
    return settings.prepare(source, overwrite=overwrite, progress=False)


def opened(directory):
    found = storage.dataset.DataSet.open(directory)
    return found, encoding.Encoding.of(found.info)


def rows_of(directory, split):
    """Numbers in their own units, texts of categories, and targets of a split."""
    found, how = opened(directory)
    source = found.source(split)
    records = [source[at] for at in range(len(source))]
    numbers, categories, targets = encoding.unpack(records, how)
    mean = np.array([number.mean for number in how.numbers])
    std = np.array([number.std for number in how.numbers])
    texts = [
        ["other" if not place else how.categories[at].values[place - 1] for place in column]
        for at, column in enumerate(categories.T.tolist())
    ]
    return numbers * std + mean, texts, targets


def test_every_row_is_in_exactly_one_split_and_comes_back(folder):
    rows = [(2 * number, f"w{number % 3}", number / 7) for number in range(300)]
    write(folder / "a.csv", ("x", "word", "y"), rows)
    prepare(folder / "a.csv")
    _, how = opened(folder / "data")
    back = []
    for split in SPLITS:
        numbers, (words,), targets = rows_of(folder / "data", split)
        targets = targets * how.target.std + how.target.mean
        back += zip(np.round(numbers[:, 0]).astype(int).tolist(), words, targets, strict=True)
    assert [(x, word) for x, word, _ in sorted(back)] == [(x, word) for x, word, _ in rows]
    np.testing.assert_allclose([y for *_, y in sorted(back)], [y for *_, y in rows], rtol=1e-4)


def test_equal_rows_fall_into_one_split_and_more_rows_move_few(folder):
    values = [(number * number, f"n{number % 2}", number % 5 + 0.5) for number in range(200)]
    write(folder / "a.csv", ("x", "word", "y"), values * 2)
    prepare(folder / "a.csv", directory="twice")
    (folder / "a.csv").unlink()
    more = [(-number - 1, "n0", 0.5) for number in range(50)]
    random.Random(0).shuffle(values)
    write(folder / "b.csv", ("y", "x", "word"), [(y, x, word) for x, word, y in values + more])
    prepare(folder / "b.csv", directory="more")
    kept = 0
    for split in SPLITS:
        twice = np.round(rows_of(folder / "twice", split)[0][:, 0]).tolist()
        assert sorted(twice) == sorted(list(set(twice)) * 2)
        numbers = np.round(rows_of(folder / "more", split)[0][:, 0]).tolist()
        kept += len(set(twice) & set(numbers))
    assert kept >= 185


def test_identifiers_that_differ_do_not_tear_equal_rows_apart(folder):
    rows = [(f"id{number}", number // 2, number // 2 % 2) for number in range(100)]
    write(folder / "a.csv", ("id", "x", "y"), rows)
    prepare(folder / "a.csv")
    _, how = opened(folder / "data")
    assert how.ignored == ["id"]
    for split in SPLITS:
        numbers = np.round(rows_of(folder / "data", split)[0][:, 0]).tolist()
        assert sorted(numbers) == sorted(list(set(numbers)) * 2)


def test_statistics_come_from_the_training_split_alone(folder):
    tiny_task.write_table(folder / "a.csv")
    prepare(folder / "a.csv", target="wind", directory="data", ignore=("station",))
    _, how = opened(folder / "data")
    numbers, texts, targets = rows_of(folder / "data", "train")
    moments = [(number.mean, number.std) for number in how.numbers]
    expected = list(zip(numbers.mean(axis=0), numbers.std(axis=0), strict=True))
    np.testing.assert_allclose(moments, expected, rtol=1e-4)
    assert (targets.mean(), targets.std()) == pytest.approx((0, 1), abs=1e-4)
    for category, values in zip(how.categories, texts, strict=True):
        counts = Counter(values)
        del counts["other"]
        assert category.values == sorted(counts, key=lambda value: -counts[value])
        assert min(counts.values()) >= 5
    # All rows together say something else.
    held_out = [rows_of(folder / "data", split)[0] for split in ("validation", "test")]
    everything = np.concatenate([numbers, *held_out])
    assert abs(everything.mean(axis=0) - numbers.mean(axis=0)).min() > 1e-3


def test_moments_of_parts_are_those_of_the_whole():
    numbers = np.random.default_rng(0).normal(1e6, 1.0, (1000, 3))
    numbers[::7, 1] = np.nan
    numbers[:, 2] = 0.1
    moments = preparation.Moments(3)
    for part in np.array_split(numbers, [1, 1, 10, 500]):
        moments.add(part)
    np.testing.assert_allclose(moments.mean, np.nanmean(numbers, axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.std[:2], np.nanstd(numbers, axis=0)[:2], rtol=1e-6)
    assert moments.std[2] == 0.0  # constant but for rounding
    assert moments.count.tolist() == [1000, 857, 1000]


def test_rare_values_share_a_place_and_frequent_missing_ones_have_their_own(folder):
    words = ["common"] * 150 + [""] * 90 + ["often"] * 80 + ["rare", "rarer"]
    rows = [(word, number**2, number % 2) for number, word in enumerate(words)]
    write(folder / "a.csv", ("word", "x", "y"), rows)
    prepare(folder / "a.csv")
    _, how = opened(folder / "data")
    assert how.categories[0].values == ["common", None, "often"]
    texts = [word for split in SPLITS for word in rows_of(folder / "data", split)[1][0]]
    assert texts.count("other") == 2 and texts.count(None) == 90


def test_classes_are_in_numerical_order_where_they_are_numbers(folder):
    write(folder / "a.csv", ("x", "y"), [(n * n, 8 + n % 4) for n in range(80)])
    prepare(folder / "a.csv")
    found, how = opened(folder / "data")
    assert how.target.classes == ["8", "9", "10", "11"]
    assert found.info["split"]["classes"]["test"] == {"8": 4, "9": 4, "10": 4, "11": 4}


def test_rows_without_a_target_are_skipped_and_counted(folder):
    rows = [(n * n, "" if n % 4 == 0 else n % 2) for n in range(80)]
    write(folder / "a.csv", ("x", "y"), rows)
    told = prepare(folder / "a.csv")
    assert "20 rows without a target were skipped" in told
    assert sum(opened(folder / "data")[0].info["split"]["counts"].values()) == 60


def test_a_reviewed_schema_decides(folder):
    rows = [(f"{n % 5}", n * 1.5, n % 3) for n in range(120)]
    write(folder / "a.csv", ("code", "x", "y"), rows)
    assert "--schema schema.json" in prepare(folder / "a.csv", write_schema=Path("schema.json"))
    assert not (folder / "data").exists()
    proposed = json.loads((folder / "schema.json").read_text())
    assert proposed["task"] == "classification"
    assert proposed["columns"]["code"] == {"kind": "number", "note": "from 0 to 4"}
    proposed["task"] = "regression"
    proposed["columns"]["code"]["kind"] = "category"
    proposed["columns"]["x"]["kind"] = "ignored"
    (folder / "schema.json").write_text(json.dumps(proposed))
    told = prepare(folder / "a.csv", target="", schema=folder / "schema.json")
    _, how = opened(folder / "data")
    assert sorted(how.categories[0].values) == ["0", "1", "2", "3", "4"]
    assert (how.numbers, how.ignored, how.target.task) == ([], ["x"], "regression")
    assert "code  category" in told and told.splitlines()[-1].startswith("  x     ignored")


def test_a_wide_table_is_summarised(folder):
    header = [*(f"c{n}" for n in range(100)), "y"]
    rows = [[*np.random.default_rng(n).normal(size=100), n % 2] for n in range(50)]
    write(folder / "a.csv", header, rows)
    assert "and 60 more columns" in prepare(folder / "a.csv")


def test_the_description_says_how_rows_were_divided(folder):
    rows = [(n * n, "yes" if n % 3 else "no") for n in range(300)]
    write(folder / "a.csv", ("x", "y"), [*rows, (-1, "maybe")])
    told = prepare(folder / "a.csv")
    assert opened(folder / "data")[0].info["split"] == {
        "by": "SHA-256 of the row",
        "percent": {"train": 70, "validation": 10, "test": 20},
        "counts": {"train": 211, "validation": 30, "test": 60},
        "classes": {
            "train": {"maybe": 1, "no": 70, "yes": 140},
            "validation": {"maybe": 0, "no": 10, "yes": 20},
            "test": {"maybe": 0, "no": 20, "yes": 40},
        },
    }
    assert "warning: test has no example of maybe" in told
    assert "warning: hardly any examples of maybe (1)" in told


def test_rows_of_a_group_stay_together_and_the_model_does_not_see_it(folder):
    rows = [(n * n, f"p{n // 7 % 40}", n % 2) for n in range(600)] + [(-1, "", 0), (-2, "", 1)]
    write(folder / "a.csv", ("x", "patient", "y"), rows)
    told = prepare(folder / "a.csv", group="patient")
    found, how = opened(folder / "data")
    assert "by SHA-256 of column 'patient'" in told and "patient  ignored" in told
    assert how.ignored == ["patient"] and how.categories == []
    group_of = {x: patient for x, patient, _ in rows}
    groups = []
    for split in SPLITS:
        numbers = np.round(rows_of(folder / "data", split)[0][:, 0]).astype(int).tolist()
        groups.append({group_of[x] for x in numbers} - {""})
    assert not groups[0] & groups[1] and not groups[1] & groups[2] and not groups[0] & groups[2]
    assert sum(map(len, groups)) == 40
    counts = found.info["split"]["counts"]
    # Within half of the largest group, which has 21 rows.
    assert abs(counts["train"] - 421) <= 10 and abs(counts["test"] - 120) <= 10


def test_a_reviewed_schema_names_the_group(folder):
    rows = [(n * n, n // 5, n % 2) for n in range(200)]
    write(folder / "a.csv", ("x", "patient", "y"), rows)
    prepare(folder / "a.csv", group="patient", write_schema=Path("schema.json"))
    schema = json.loads((folder / "schema.json").read_text())
    assert schema["group"] == "patient" and schema["columns"]["patient"]["kind"] == "ignored"
    told = prepare(folder / "a.csv", target="", schema=folder / "schema.json")
    assert "by SHA-256 of column 'patient'" in told
    schema["columns"]["patient"]["kind"] = "number"
    (folder / "schema.json").write_text(json.dumps(schema))
    with pytest.raises(UserError, match="the group 'patient' must be a column that is ignored"):
        prepare(folder / "a.csv", target="", schema=folder / "schema.json", overwrite=True)
    refused = {"y": "--group y: the target cannot be a group", "z": "has no column 'z'"}
    for group, message in refused.items():
        with pytest.raises(UserError, match=message):
            prepare(folder / "a.csv", group=group, overwrite=True)


GOOD = [(n * n, n % 2) for n in range(50)]
FAULTY = {
    "few": ([(1, 0), (2, 1), (4, 0)], {}, r"the \w+ split has no example: 3 examples are too few"),
    "none": ([], {}, r"a.csv holds no row"),
    "no target": (
        [(x, "") for x, _ in GOOD],
        {"task": "regression"},
        r"no row has a value of the target 'y' \(50 rows without\)",
    ),
    "one class": ([(x, 1) for x, _ in GOOD], {}, r"target 'y' has one class only: 1"),
    "constant": ([(x, 1) for x, _ in GOOD], {"task": "regression"}, r"'y' has the same value"),
    "many": (
        [(n * n, f"c{n}") for n in range(1200)],
        {"task": "classification"},
        r"the target 'y' has 1,200 classes, more than 1,000",
    ),
    "infinite": ([*GOOD, ("inf", 1)], {}, r"a.csv row 51, column 'x': the number is infinite"),
    "text": (
        [*GOOD, (7, "z")],
        {"task": "regression"},
        r"a.csv row 51, column 'y': 'z' is no number",
    ),
    "ragged": ([*GOOD, (1, 2, 3)], {}, r"a.csv row 51 has 3 cells instead of 2"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_table_is_reported_and_nothing_is_left(folder, name):
    rows, said, message = FAULTY[name]
    write(folder / "a.csv", ("x", "y"), rows)
    with pytest.raises(UserError, match=message) as caught:
        prepare(folder / "a.csv", **said)
    assert "\n" not in str(caught.value)
    assert not (folder / "data").exists()


def test_a_failed_preparation_leaves_the_old_data(folder):
    write(folder / "a.csv", ("x", "y"), GOOD)
    prepare(folder / "a.csv")
    before = sorted(path.name for path in (folder / "data").iterdir())
    write(folder / "a.csv", ("x", "y"), [*GOOD, ("inf", 1)])
    with pytest.raises(UserError, match="infinite"):
        prepare(folder / "a.csv", overwrite=True)
    assert sorted(path.name for path in (folder / "data").iterdir()) == before
    with pytest.raises(UserError, match="--overwrite"):
        prepare(folder / "a.csv")


def test_a_schema_that_cannot_be_written_is_reported(folder):
    write(folder / "a.csv", ("x", "y"), GOOD)
    with pytest.raises(UserError, match=r"cannot write no/where.json: No such file"):
        prepare(folder / "a.csv", write_schema=Path("no/where.json"))
