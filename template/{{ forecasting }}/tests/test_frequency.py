"""Steps in time: what they lead to, which ones are found, and what the calendar says."""

import numpy as np
import pytest

from .project import errors, frequency

DAY = frequency.DAY
parse = frequency.Frequency.parse


def ticks(*texts):
    return np.array(texts, "datetime64[us]").astype(np.int64)


def after(start, text, count):
    """The first points in time from `start` on, as they are written."""
    step = parse(text)
    found = step.ticks(ticks(start), np.arange(count))
    return [step.text(tick) for tick in found.tolist()]


@pytest.mark.parametrize("text", ["250ms", "15min", "1h", "1d", "1b", "2w", "1mo", "1q", "2y", "5"])
def test_a_frequency_is_written_as_it_was_read(text):
    assert str(parse(text)) == text


def test_equal_frequencies_are_written_alike():
    assert str(parse("7d")) == str(parse("168h")) == "1w"
    assert str(parse("12mo")) == "1y"


@pytest.mark.parametrize("text", ["", "h", "0h", "1.5h", "-1d", "1 h", "1fortnight"])
def test_what_is_no_frequency_is_reported(text):
    with pytest.raises(errors.UserError, match="is no frequency: give a number and one of us, ms"):
        parse(text)


def test_months_keep_their_day_or_their_end():
    assert after("2024-01-15", "1mo", 3) == ["2024-01-15", "2024-02-15", "2024-03-15"]
    assert after("2023-01-30", "1mo", 3) == ["2023-01-30", "2023-02-28", "2023-03-30"]
    assert after("2024-02-29", "1mo", 3) == ["2024-02-29", "2024-03-31", "2024-04-30"]
    assert after("2023-03-31", "1q", 3) == ["2023-03-31", "2023-06-30", "2023-09-30"]
    assert after("1969-07-01T12:30", "1y", 2) == ["1969-07-01T12:30:00", "1970-07-01T12:30:00"]


def test_business_days_leave_out_weekends():
    assert after("2024-02-29", "1b", 4) == ["2024-02-29", "2024-03-01", "2024-03-04", "2024-03-05"]
    assert after("2024-03-01T17:00", "1b", 2) == ["2024-03-01T17:00:00", "2024-03-04T17:00:00"]
    step, days = parse("1b"), ticks(*(f"2024-03-0{day}" for day in range(1, 8)))
    assert step.fits(days).tolist() == [True, False, False, True, True, True, True]


def test_a_zone_tells_what_clocks_show():
    step = parse("1h", "Europe/Berlin")
    there = step.ticks(ticks("2024-10-26T23:00"), np.arange(4))
    told = [step.text(tick) for tick in there.tolist()]
    assert told == [
        f"2024-10-27T0{hour}:00:00+0{off}:00" for hour, off in ((1, 2), (2, 2), (2, 1), (3, 1))
    ]
    assert [step.tick(each) for each in told] == there.tolist()
    # Six in the morning, in summer and in winter.
    six = step.features(ticks("2024-07-01T04:00", "2024-12-02T05:00"), 24)
    np.testing.assert_allclose(six[:, :2], [[1, 0], [1, 0]], atol=1e-6)
    assert (
        parse("1d", "Europe/Berlin").zone == ""
        and parse("1h", "America/St_Johns").text(0)[-6:] == "-03:30"
    )


def test_days_are_written_without_and_hours_with_a_time():
    assert after("2024-02-28", "1d", 3) == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert after("2024-02-28T23:00", "1h", 2) == ["2024-02-28T23:00:00", "2024-02-29T00:00:00"]
    assert after("2024-01-01", "500ms", 2)[1] == "2024-01-01T00:00:00.500000"
    for text in ("1w", "1h", "250ms", "1mo"):
        tick = int(ticks("1969-12-31")[0]) + (0 if text in ("1w", "1mo") else 3 * frequency.HOUR)
        assert parse(text).tick(parse(text).text(tick)) == tick
    assert parse("3").text(-6) == "-6" and parse("3").tick("-6") == -6


@pytest.mark.parametrize("text", ["1s", "6h", "1w", "1b", "2b", "1mo", "1q"])
def test_steps_undo_ticks(text):
    step, count = parse(text), np.arange(50)
    start = ticks("1967-11-30")
    there = step.ticks(start, count)
    np.testing.assert_array_equal(step.steps(start, there), count)
    assert step.fits(there).all()
    there[7] += 1
    assert np.flatnonzero(~step.fits(there)).tolist() == [7]


@pytest.mark.parametrize(
    ("text", "season"),
    [
        *(("1s", 3600), ("30s", 120), ("1min", 1440), ("15min", 96), ("1h", 24), ("7h", 1)),
        *(("1d", 7), ("2d", 1), ("1b", 5), ("1w", 52), ("2w", 1), ("1mo", 12), ("1q", 4)),
        *(("1y", 1), ("1", 1)),
    ],
)
def test_the_season_follows_from_the_frequency(text, season):
    assert parse(text).default_season() == season


@pytest.mark.parametrize("text", ["10min", "1d", "30d", "1w", "1mo", "1q", "1y"])
def test_the_frequency_of_regular_times_is_found(text):
    step = parse(text)
    there = step.ticks(ticks("2019-12-31"), np.arange(30))
    found = frequency.infer_frequency(np.diff(there), dated=True)
    assert next(one for one in found if one.fits(there).all()) == step


def test_gaps_do_not_hide_the_frequency():
    there = np.delete(np.arange(0, 100, 5), [3, 4, 11])
    assert frequency.infer_frequency(np.diff(there), dated=False) == [parse("5")]


def test_features_tell_the_place_in_day_week_year_and_season():
    def features(text, when, season):
        found = parse(text).features(ticks(when), season)
        assert found.shape == (1, frequency.NUM_FEATURES) and found.dtype == np.float32
        return found[0].round(3).tolist()

    # 1970-01-01 was a Thursday, where weeks of ticks begin.
    assert features("1h", "2024-01-04T06:00", 24)[:2] == [1, 0]
    assert features("1d", "1970-01-01", 7) == [0, 0, 0, 1, 0, 1, 0, 0]
    assert features("1w", "2023-07-02T12:00", 52) == [0, 0, 0, 0, 0, -1, 0, 0]
    assert features("1mo", "2024-01-01", 12) == [0, 0, 0, 0, 0, 1, 0, 0]
    assert features("1d", "1970-01-03", 8)[6:] == [1, 0]
    assert parse("2").features(np.array([6]), 4)[0].round(3).tolist() == [0, 0, 0, 0, 0, 0, -1, 0]
