"""Series from tables: what is found in them, and each mistake that is reported."""

import argparse

import numpy as np
import pytest

from .project import errors, series, sources
from .tiny_series import dates, write_table

UserError = errors.UserError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def source(*words):
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    return sources.from_arguments(parser.parse_args(words))


def read(*words):
    return series.read_panel(source(*words), lambda size: None)


def write(name, *lines):
    with open(name, "w") as file:
        file.write("\n".join(lines) + "\n")


def columns(panel):
    return panel.columns.time, panel.columns.channels


# What is found


def test_a_table_is_read_in_order_of_time(folder):
    write("a.csv", "day,x,note,y", "2024-01-03,3,c,0.3", "2024-01-01,1,a,0.1", "2024-01-02,2,b,")
    panel = read("--source", "a.csv")
    assert columns(panel) == ("day", ("x", "y"))
    assert (str(panel.frequency), panel.season, panel.unused) == ("1d", 7, ("note",))
    (only,) = panel.series
    assert only.name == "" and panel.frequency.text(only.start) == "2024-01-01"
    np.testing.assert_array_equal(
        only.values, np.array([[1, 0.1], [2, np.nan], [3, 0.3]], np.float32)
    )


def test_a_point_in_time_without_a_row_is_missing():
    write("a.csv", "t,x", "2024-01-01,1", "2024-01-02,2", "2024-01-03,3", "2024-01-06,6")
    np.testing.assert_array_equal(
        read("--source", "a.csv").series[0].values[:, 0], [1, 2, 3, np.nan, np.nan, 6]
    )


@pytest.mark.parametrize(
    ("cells", "frequency", "start"),
    [
        (("20240229", "20240301", "20240302"), "1d", "2024-02-29"),
        (("2024-01", "2024-02", "2024-03"), "1mo", "2024-01-01"),
        (("2024-01-01T00:00", "2024-01-01T00:15", "2024-01-01T00:30"), "15min", None),
        (("2024-01-01T01:00:00+01:00", "2024-01-01T01:00:00Z", "2024-01-01T02:00:00Z"), "1h", None),
        (("20240101", "20240102", "20240132"), "1", "20240101"),  # no date, so they are counted
        (("10", "15", "20"), "5", "10"),
    ],
)
def test_times_are_dates_months_or_numbers(cells, frequency, start):
    write("a.csv", "x,t", *(f"0.5,{cell}" for cell in cells))
    panel = read("--source", "a.csv", "--frequency", frequency)
    assert str(panel.frequency) == frequency
    assert panel.frequency.text(panel.series[0].start) == (start or "2024-01-01T00:00:00")


def test_a_column_names_the_series(folder):
    write_table(folder / "a.csv", places=3, days=20)
    panel = read("--source", "a.csv", "--series", "place")
    assert [each.name for each in panel.series] == ["place 0", "place 1", "place 2"]
    assert {each.values.shape for each in panel.series} == {(20, 2)}


def test_each_file_may_be_a_series(folder):
    for name in ("a.csv", "b.csv"):
        write(name, "t,x", *(f"{day},{name == 'b.csv':d}" for day in dates(5)))
    panel = read("--source", "*.csv", "--series-per-file", "--channels", "x")
    assert [(each.name, each.values[0, 0]) for each in panel.series] == [("a.csv", 0), ("b.csv", 1)]


def test_files_continue_each_other(folder):
    for part, days in enumerate((dates(10)[5:], dates(10)[:5])):
        write(f"{part}.csv", "t,x", *(f"{day},{day[-1]}.5" for day in days))
    values = read("--source", "*.csv").series[0].values
    assert values[:, 0].tolist() == [float(f"{day[-1]}.5") for day in dates(10)]


def test_each_column_of_a_wide_table_is_a_series():
    write(
        "a.csv",
        "t,a,b,c,price",
        *(f"{n},{n}.5,{n if 2 < n < 8 else ''},,{9 - n}" for n in range(10)),
    )
    words = ("--wide", "--channels", "a", "b", "--known", "price", "--time", "t")
    panel = read("--source", "a.csv", *words)
    one, other = panel.series
    assert (one.key, other.key, panel.channels) == (("a",), ("b",), ("value",))
    assert (one.start, other.start) == (0, 3)
    assert other.values[:, 0].tolist() == [3, 4, 5, 6, 7]
    assert other.known[:, 0].tolist() == [6, 5, 4, 3, 2, 1, 0]  # of the future too
    assert panel.unused == ("c",)
    assert panel.notes[1:] == ("2 steps after the last values hold known columns alone",)
    panel = read("--source", "a.csv", "--wide", "--channels", "a", "c", "--time", "t")
    assert panel.notes[1:] == ("columns without a value, which are no series: c",)


def test_options_choose_columns_step_and_season():
    write("a.csv", "a,b,c,d", *(f"{4 * n},{2 * n},{n}.5,{n}" for n in range(5)))
    words = ("--time", "a", "--channels", "d", "b", "--frequency", "2", "--season", "6")
    panel = read("--source", "a.csv", *words)
    assert columns(panel) == ("a", ("d", "b")) and panel.season == 6
    assert panel.series[0].values.shape == (9, 2)  # every second step is missing
    assert panel.unused == ("c",)


def test_several_columns_name_the_series():
    rows = [f"{day},{n},{m},{n}" for day in dates(3) for n in (2, 1) for m in ("x", "y")]
    write("a.csv", "t,store,item,sales", *rows)
    panel = read("--source", "a.csv", "--series", "store", "item")
    assert [each.key for each in panel.series] == [(a, b) for a in "21" for b in "xy"]
    assert panel.columns.channels == ("sales",)


def test_the_sample_is_read_as_any_table():
    panel = read()
    assert columns(panel) == ("date", ("co2",))
    assert (str(panel.frequency), panel.season) == ("1w", 52)
    (only,) = panel.series
    assert panel.frequency.text(only.start) == "1958-03-29"
    assert len(only.values) == 2284 and np.isnan(only.values).sum() == 59


def test_a_missing_sample_is_reported(monkeypatch):
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"statsmodels, which is not installed: run `uv sync`"):
        source()


# Scales


def test_the_scale_is_the_mean_change_over_a_season():
    write("a.csv", "t,x,y", *(f"{n},{n * n},1.0" for n in range(6)))
    panel = read("--source", "a.csv", "--time", "t", "--season", "2")
    # x: 4, 8, 12, 16; y never changes, and no other series tells how much it might.
    np.testing.assert_array_equal(series.seasonal_scales(panel), [[10, 1]])


def test_a_series_that_tells_no_scale_takes_that_of_the_others():
    rows = [f"{n},long,{3 * n}.0" for n in range(6)] + ["9,short,7.0"]
    write("a.csv", "t,s,x", *rows)
    panel = read("--source", "a.csv", "--series", "s", "--season", "2")
    np.testing.assert_array_equal(series.seasonal_scales(panel), [[6], [6]])


# Mistakes


GOOD = ("t,x", "2024-01-01,1.5", "2024-01-02,2.5", "2024-01-03,3.5")
FAULTY = {
    "twice": (
        (*GOOD, "2024-01-02,9"),
        (),
        r"row 4 has the same time as a.csv row 2: give --aggregate mean, .*; or --series, if",
    ),
    "twice in a series": (
        ("t,s,x", "1,a,1.5", "1,b,1.5", "1,a,1.5"),
        ("--series", "s", "--frequency", "1"),
        r"a.csv row 3 has the same time as a.csv row 1: give --aggregate mean, sum or last$",
    ),
    "between": (
        (*GOOD, "2024-01-04T12:00,4"),
        (),
        r"a.csv row 4: 2024-01-04T12:00:00 is no whole number of steps of 1d after 2024-01-01",
    ),
    "no time": ((*GOOD, ",4"), (), r"a.csv row 4, column 't': no value"),
    "no name": (("t,s,x", "1,a,1.5", "2,,2"), ("--series", "s"), r"row 2, column 's': no value"),
    "no number": (
        (*GOOD, "2024-01-04,much"),
        ("--channels", "x"),
        r"a.csv row 4, column 'x': 'much' is no number",
    ),
    "infinite": (
        (*GOOD, "2024-01-04,1e60"),
        (),
        r"row 4, column 'x': 1e\+60 is no number that",
    ),
    "text for a time": (
        ("t,x", "today,1.5"),
        ("--time", "t"),
        r"a.csv, column 't': times must be dates, quarters, .*, not like 'today'",
    ),
    "no time column": (
        ("a,b", "0.5,1.5"),
        (),
        r"has no column of dates.*; its columns: a, b",
    ),
    "many times": (
        (",".join(["t", *(f"s{n}" for n in range(12))]), ",".join("1" * 13)),
        (),
        r"several columns may be the time; name it by --time: t, s0, .*, s8, \.\.\.$",
    ),
    "several times": (("a,b,x", "1,2,1.5"), (), r"several columns may be the time; .*--time: a, b"),
    "no channel": (("t,s", "2024-01-01,a"), (), r"no column of numbers beside the time, 't'"),
    "unknown column": (GOOD, ("--channels", "z"), r"a.csv has no column 'z'; its columns: t, x"),
    "column given twice": (GOOD, ("--time", "t", "--channels", "x", "t"), r"'t' is given twice"),
    "one row": (GOOD[:2], (), r"a.csv: one row tells no step; give --frequency"),
    "no rows": (GOOD[:1], ("--time", "t", "--channels", "x"), r"a.csv"),
    "a number for a step": (GOOD, ("--frequency", "7"), r"times are dates, which 7 is no step of"),
    "a day for a step": (("t,x", "1,1.5", "2,2.5"), ("--frequency", "1d"), r"are whole numbers"),
    "no frequency": (GOOD, ("--frequency", "weekly"), r"--frequency weekly is no frequency"),
    "too fine a step": (
        GOOD,
        ("--frequency", "1s"),
        r"a.csv row 3: up to 2024-01-03T00:00:00 there are 172,801 steps of 1s, but only 3 rows",
    ),
    "no season": (GOOD, ("--season", "0"), r"--season must be at least 1, not 0"),
    "a text of the future": (
        ("t,x,e", *(f"{n},{n},event {n}" for n in range(60))),
        ("--time", "t", "--channels", "x", "--known", "e"),
        r"--known e: the column holds 60 different texts, more than 50: give numbers, or leave it",
    ),
    "a date of the future": (
        ("t,x,d", "1,1.5,2024-01-01", "2,2.5,2024-01-02"),
        ("--time", "t", "--known", "d"),
        r"--known d: the column holds dates; give numbers or texts",
    ),
    "an empty wide table": (
        ("t,a", "1,", "2,"),
        ("--time", "t", "--wide", "--channels", "a", "--frequency", "1"),
        r"a.csv: no value in a",
    ),
    "static without series": (GOOD, ("--static", "x"), r"name them by --series"),
    "wide and keys": (GOOD, ("--wide", "--series", "s"), r"--series and --wide exclude each other"),
    "a zone for numbers": (
        ("t,x", "1,1.5", "2,2.5"),
        ("--time-zone", "Europe/Berlin"),
        r"times are whole numbers, which have none",
    ),
    "no zone": (GOOD, ("--time-zone", "Berlin"), r"--time-zone Berlin: there is no such zone"),
    "a key of forecasts": (GOOD, ("--series", "t", "time"), r"rename the column 'time'"),
    "two kinds of series": (GOOD, ("--series", "s", "--series-per-file"), r"exclude each other"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_mistake_is_reported_in_one_line(name):
    lines, words, message = FAULTY[name]
    write("a.csv", *lines)
    with pytest.raises(UserError, match=message) as caught:
        read("--source", "a.csv", *words)
    assert "\n" not in str(caught.value)


def test_faulty_arguments_are_reported(folder):
    with pytest.raises(UserError, match=r"--source \*.csv matches no file"):
        source("--source", "*.csv")
    with pytest.raises(UserError, match=r"describe tables given by --source"):
        source("--time", "t")
