"""How people write numbers, dates and durations: what is found, and the value that is read."""

import datetime

import pyarrow as pa
import pytest

from .project import spelling

Doubt = spelling.Doubt


def find(*texts, decimal="", day_first=None):
    """How the texts of a column are written, and their values."""
    finder = spelling.Finder()
    for text in texts:  # however they are cut into batches
        finder.add(pa.array([text]))
    whole = spelling.Finder()
    whole.add(pa.array(texts, pa.string()))
    written = finder.found(decimal, day_first)
    assert whole.found(decimal, day_first) == written
    return written, spelling.read(pa.array(texts), written).to_pylist() if written else None


NUMBERS = {
    ("1,234.50", "12.5"): ("1,234.5", [1234.5, 12.5]),
    ("1.234,50", "1.234.567"): ("1.234,5", [1234.5, 1234567.0]),
    ("1,234", "1,234,567"): ("1,234.5", [1234.0, 1234567.0]),
    ("12,34,567", "5"): ("1,234.5", [1234567.0, 5.0]),
    ("1'234", "1\u2019234.5"): ("1'234.5", [1234.0, 1234.5]),
    ("1\u202f234,5", "1\xa0000", "7"): ("1 234,5", [1234.5, 1000.0, 7.0]),
    ("1,5", "-2,25", "\u22123"): ("1234,5", [1.5, -2.25, -3.0]),
    ("1,234", "0,345"): ("1234,5", [1.234, 0.345]),  # no thousands begin with 0
    ("$ 1,234.50", "-$5", "$-6.5"): ("$ 1,234.5", [1234.5, -5.0, -6.5]),
    ("US$5.5", "US$ 1,000.0"): ("US$ 1,234.5", [5.5, 1000.0]),
    ("CHF 5", "CHF 1'000"): ("CHF 1'234.5", [5.0, 1000.0]),
    ("12 %", "12.5%"): ("1234.5 %", [12.0, 12.5]),
    ("5 km/h", "7.5km/h"): ("1234.5 km/h", [5.0, 7.5]),
    ("1e3 m²", "2 m²"): ("1234.5 m²", [1000.0, 2.0]),
    ("1.234 kg",): (
        "1234.5 kg",
        [1.234],
    ),  # a point is a decimal mark, if nothing speaks against it
}


@pytest.mark.parametrize("texts", NUMBERS)
def test_numbers(texts):
    assert find(*texts) == NUMBERS[texts]


WHEN = datetime.datetime
DATES = {
    ("31.12.2024", "01.02.2024"): ("d/m/y", [WHEN(2024, 12, 31), WHEN(2024, 2, 1)]),
    ("1/2/2024", "12/31/2024"): ("m/d/y", [WHEN(2024, 1, 2), WHEN(2024, 12, 31)]),
    ("12/31/2024 05:00 PM", "1/2/2024 12:07 a.m."): (
        "m/d/y",
        [WHEN(2024, 12, 31, 17), WHEN(2024, 1, 2, 0, 7)],
    ),
    ("31/12/24", "1/1/68", "1/1/69"): (
        "d/m/y",
        [WHEN(2024, 12, 31), WHEN(2068, 1, 1), WHEN(1969, 1, 1)],
    ),
    ("2024/1/2", "2024-12-31 5:06:07,25"): (
        "y/m/d",
        [WHEN(2024, 1, 2), WHEN(2024, 12, 31, 5, 6, 7, 250_000)],
    ),
    ("31.12.2024 17:00+01:00", "01.01.2025T00:00Z"): (
        "d/m/y z",
        [WHEN(2024, 12, 31, 16), WHEN(2025, 1, 1)],
    ),
    ("29.02.2024", "01.01.2024"): ("d/m/y", [WHEN(2024, 2, 29), WHEN(2024, 1, 1)]),
    ("01/01/2024", "02/02/2024"): ("d/m/y", [WHEN(2024, 1, 1), WHEN(2024, 2, 2)]),  # either way
}


@pytest.mark.parametrize("texts", DATES)
def test_dates(texts):
    assert find(*texts) == DATES[texts]


DURATIONS = {
    ("1:30:00", "-26:00:01.5"): ("h:m:s", [5400.0, -93601.5]),
    ("1 days 02:00:00", "-1 days +23:59:59"): ("h:m:s", [93600.0, -1.0]),
    ("02:15", "100:00"): ("a:b", [135.0, 6000.0]),
    ("PT1H30M", "-P1DT1.5S"): ("PT1H30M", [5400.0, -86401.5]),
}


@pytest.mark.parametrize("texts", DURATIONS)
def test_durations(texts):
    assert find(*texts) == DURATIONS[texts]


@pytest.mark.parametrize(
    "texts",
    [
        ("red", "blue"),
        ("s001", "s002"),
        ("5 kg", "6 g"),
        ("5 kg", "6"),
        ("1,23", "1.234,5,6"),
        ("30.02.2024",),
        ("31.12.2024", "12/31/2024"),
        ("31.12.2024 17:00", "31.12.2024 17:00Z"),
        ("25:61:00",),
        ("--5",),
        (),
    ],
)
def test_what_is_none_of_these_stays_text(texts):
    assert find(*texts) == ("", None)


def test_what_can_be_read_in_two_ways_needs_an_option():
    with pytest.raises(Doubt, match=r"'1,234' may be 1234 or 1.234: give --decimal . or --decim"):
        find("5", "1,234", "2,345")
    assert find("1,234", decimal=".") == ("1,234.5", [1234.0])
    assert find("1,234", decimal=",") == ("1234,5", [1.234])
    assert find("1.234 kg", decimal=",") == ("1.234,5 kg", [1234.0])
    with pytest.raises(
        Doubt, match=r"'02.03.2024' begin with the day .*: give --day-first or --no"
    ):
        find("01.01.2024", "02.03.2024")
    assert find("02.03.2024", day_first=True) == ("d/m/y", [WHEN(2024, 3, 2)])
    assert find("02.03.2024", day_first=False) == ("m/d/y", [WHEN(2024, 2, 3)])
    assert find("31.03.2024", day_first=False) == ("d/m/y", [WHEN(2024, 3, 31)])  # it cannot be


def test_units_that_differ_are_told():
    finder = spelling.Finder()
    finder.add(pa.array(["5 kg", "6 g", "7"]))
    assert finder.note == "numbers with different units: g, kg, none"


def test_what_is_written_in_another_way_is_null():
    texts = pa.array(["1,5", "1.5", None, "1,5 kg"])
    assert spelling.read(texts, "1234,5").to_pylist() == [1.5, None, None, None]
    assert spelling.is_shown("1.234,5 kg") and not spelling.is_shown("dd/mm")
    with pytest.raises(ValueError, match="'dd/mm' shows no way of writing"):
        spelling.read(texts, "dd/mm")
