"""Ways to write points in time, against the standard library's calendar and time zones."""

import datetime
import zoneinfo

import numpy as np
import pyarrow as pa
import pytest

from .project import clocks, numbered, periods, times, zones

DAY = 24 * 3600 * 10**6


def read(*cells):
    """How cells are written, and the points in time as ISO 8601."""
    found = times.read_times([pa.array(cells)], "", counted=False)
    return found.written, found.ticks.astype("datetime64[us]").astype("datetime64[s]").astype(
        str
    ).tolist()


def test_weeks_are_those_of_iso_8601():
    for year in range(1960, 2030):
        weeks = [1, 9, 52]
        _, found = read(*(f"{year}-W{week:02}" for week in weeks))
        days = [datetime.date.fromisocalendar(year, week, 1).isoformat() for week in weeks]
        assert found == [f"{day}T00:00:00" for day in days]
        last = datetime.date(year, 12, 28).isocalendar().week
        assert (periods.read_periods(pa.array([f"{year}W53-7"]), "1960-W05") is None) == (last < 53)


@pytest.mark.parametrize(
    ("cells", "written", "first"),
    [
        (("1960q4", "1961 Q1"), "1960Q1", "1960-10-01"),
        (("2024H2", "2025-H1"), "1960H1", "2024-07-01"),
        (("sept. 2024", "OCTOBER 2024"), "Jan 1960", "2024-09-01"),
        (("May '68", "Jun '69"), "Jan-60", "2068-05-01"),
        (("1st February 2024", "Tues, 2 Feb 2024"), "31 Jan 1960", "2024-02-01"),
        (("29-Feb-24", "01-Mar-24"), "31 Jan 1960", "2024-02-29"),
        (("March 3rd, 2024", "Mar 4, 2024"), "Jan 31, 1960", "2024-03-03"),
        (("2024.12", "2025-1"), "1960-01", "2024-12-01"),
        ((1949.0, 1949.083, 1949.1667), "decimal years", "1949-01-01"),
        ((1960.25, 1960.5), "decimal years", "1960-04-01"),
        ((1.7e9, 1.7e9 + 0.5), "seconds since 1970", "2023-11-14T22:13:20"),
        ((20240229,), "YYYYMMDD", "2024-02-29"),
    ],
)
def test_the_way_is_found(cells, written, first):
    found, told = read(*cells)
    assert found == written
    assert told[0] == (first if "T" in first else f"{first}T00:00:00")


@pytest.mark.parametrize(
    "cells",
    [
        ("1960Q5",),
        ("2023-W60",),
        ("30 Feb 2024",),
        ("1 Foo 2024",),
        ("1960Q1", "Q2 1960"),
        ("Feb 2024", "2024-03"),
        (0.5, 1.7),
    ],
)
def test_what_is_no_time_is_refused(cells):
    with pytest.raises(
        ValueError, match=r"times must be dates, quarters, .* written alike, not li"
    ):
        read(*cells)


@pytest.mark.parametrize("unit", numbered.SINCE)
def test_time_since_1970_is_told_by_its_size(unit):
    when = datetime.datetime(2001, 9, 9, 1, 46, 40, tzinfo=datetime.UTC)
    per_second = round(1e6 / numbered.SINCE[unit])
    number = round(when.timestamp()) * per_second
    for cells in ((number, number + 60 * per_second), (float(number), number + 0.5 * per_second)):
        assert read(*cells)[0] == unit
        assert read(*cells)[1][0] == "2001-09-09T01:46:40"


@pytest.mark.parametrize("cells", [(1, 2, 3), (20240101, 20240132), (202401, 202413), (-5, 5)])
def test_other_whole_numbers_are_an_index(cells):
    assert read(*cells)[0] == numbered.INDEX


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]
)
def test_clocks_are_those_of_the_zone(zone):
    """Over a whole year, every half an hour, and back."""
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    there = [start + datetime.timedelta(minutes=30 * at) for at in range(2 * 24 * 366)]
    ticks = np.array([each.replace(tzinfo=None) for each in there], "datetime64[us]").astype(
        np.int64
    )
    local = [each.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None) for each in there]
    expected = np.array(local, "datetime64[us]").astype(np.int64)
    found = zones.to_local(ticks, zone)
    np.testing.assert_array_equal(found, expected)
    back, never = zones.to_utc(found, np.zeros(len(found), np.int64), zone)
    np.testing.assert_array_equal(back, ticks)
    assert not never.any()


def test_an_hour_that_is_there_once_is_the_first():
    local = np.array(["2024-10-27T01", "2024-10-27T02", "2024-10-27T03"], "datetime64[us]")
    found, _ = zones.to_utc(local.astype(np.int64), np.zeros(3, np.int64), "Europe/Berlin")
    assert np.diff(found).tolist() == [DAY // 24, 2 * DAY // 24]
    # Each series has its own clock.
    twice = np.repeat(local[1:2].astype(np.int64), 3)
    found, _ = zones.to_utc(twice, np.array([0, 1, 1]), "Europe/Berlin")
    assert np.diff(found).tolist() == [0, DAY // 24]


def test_a_time_that_never_was_is_found():
    local = np.array(["2024-03-31T01:30", "2024-03-31T02:30", "2024-03-31T03:30"], "datetime64[us]")
    _, never = zones.to_utc(local.astype(np.int64), np.zeros(3, np.int64), "Europe/Berlin")
    assert never.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("cells", "hours"),
    [
        (("17:30", "0:00"), 17.5),
        (("17:30:36.5", "24:00:00"), 17.51),
        (("5:30 PM", "12:00 am"), 17.5),
        (("17.30.00", "18.00.00"), 17.5),
        (("17h30", "08h00"), 17.5),
        (("17", "0"), 17),
        (("24", "1"), 24),
        (("1730", "0", "100"), 17.5),
        (("63000", "0"), 17.5),
        (("63000.0", "3600.0"), 17.5),
    ],
)
def test_times_of_day_are_read(cells, hours):
    found = clocks.read_clock(pa.array(cells))
    assert found[0] == round(hours * DAY / 24)
    if cells[1] in ("0", "0:00", "12:00 am"):
        assert found[1] == 0


@pytest.mark.parametrize("cells", [("noon",), ("25:00",), ("17:61",), ("-1",), ("99999",)])
def test_what_is_no_time_of_day_is_refused(cells):
    with pytest.raises(ValueError, match=r"must hold times of day, such as 17:30, not '"):
        clocks.read_clock(pa.array(cells))


def test_parts_of_the_time_are_put_together():
    dates = pa.array(["2024-02-29"]).cast(pa.timestamp("us"))
    found = times.read_times([dates, pa.array(["6:00 PM"])], "", counted=False)
    assert found.ticks.astype("datetime64[us]")[0] == np.datetime64("2024-02-29T18:00")
    years = [pa.array([2024]), *(pa.array([part]) for part in ("2", "29.0", "18", "5"))]
    found = times.read_times(years, "", counted=False)
    assert found.ticks.astype("datetime64[us]")[0] == np.datetime64("2024-02-29T18:05")
    with pytest.raises(ValueError, match=r"is no year, so --time takes one column with dates"):
        times.read_times([dates, pa.array(["1"]), pa.array(["2"])], "", counted=False)
