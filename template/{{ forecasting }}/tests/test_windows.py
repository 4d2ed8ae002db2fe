"""Windows: which there are, what is in them, and what of them counts."""

import numpy as np
import pytest

from .project import frequency as frequencies
from .project import series, sources, windows

SEQ_LEN, HORIZON = 6, 3


def panel(*values, season=2, frequency="1"):
    """Series of one channel that begin at 100, 200, ..."""
    return series.Panel(
        columns=sources.Columns("t", ("x",)),
        frequency=frequencies.Frequency.parse(frequency),
        season=season,
        series=tuple(
            series.Series(f"s{number}", 100 * (number + 1), np.array(each, np.float32)[:, None])
            for number, each in enumerate(values)
        ),
    )


def make(*values, spans=None, **options):
    ends = [[0, len(each)] for each in values]
    return windows.Windows(
        panel(*values),
        seq_len=SEQ_LEN,
        horizon=HORIZON,
        spans=np.array(spans or ends),
        **options,
    )


def everything(found):
    return found.read(np.arange(len(found)))


def test_a_window_is_what_came_before_an_origin_and_what_came_after():
    found = make(np.arange(30), spans=[[10, 20]])
    assert found.origins.tolist() == list(range(10, 18))
    batch = everything(found)
    for row, origin in enumerate(found.origins):
        assert batch["history"][row, :, 0].tolist() == list(range(origin - SEQ_LEN, origin))
        assert batch["targets"][row, :, 0].tolist() == list(range(origin, origin + HORIZON))
    assert batch["observed"].all() and (batch["weights"] == 1).all()


def test_targets_stay_in_their_stretch_and_a_stride_skips_origins():
    found = make(np.arange(30), np.arange(20), spans=[[10, 17], [18, 20]], stride=2)
    assert list(zip(found.owners, found.origins, strict=True)) == [(0, 10), (0, 12), (0, 14)]


def test_a_history_never_reaches_into_another_series():
    found = make(np.full(20, 1.0), np.full(20, 2.0))
    batch = everything(found)
    for row, owner in enumerate(found.owners):
        seen = batch["history"][row][batch["observed"][row]]
        assert set(seen.tolist()) == {owner + 1.0}
    # Half of the history may lie before the series begins, but no more.
    assert found.origins.min() == SEQ_LEN // 2


def test_missing_values_are_zero_and_have_no_weight():
    values = np.arange(1.0, 21)
    values[[8, 11]] = np.nan
    found = make(values, spans=[[10, 13]])
    batch = everything(found)
    assert batch["history"][0, :, 0].tolist() == [5, 6, 7, 8, 0, 10]
    assert batch["observed"][0, :, 0].tolist() == [True] * 4 + [False, True]
    assert batch["targets"][0, :, 0].tolist() == [11, 0, 13]
    assert batch["weights"][0, :, 0].tolist() == [1, 0, 1]


@pytest.mark.parametrize(("gap", "kept"), [(range(4, 7), True), (range(4, 8), False)])
def test_a_window_without_most_of_its_history_is_left_out(gap, kept):
    values = np.arange(20.0)
    values[gap] = np.nan
    assert (10 in make(values).origins) == kept


@pytest.mark.parametrize(("gap", "kept"), [([10], True), ([10, 12], False)])
def test_a_window_without_most_of_its_targets_is_left_out(gap, kept):
    values = np.arange(20.0)
    values[gap] = np.nan
    assert (10 in make(values).origins) == kept


def test_targets_may_lie_in_the_future_of_the_series():
    short, nothing = np.arange(2.0), np.full(2, np.nan)
    found = make(np.arange(20.0), short, nothing, spans=[[20, 23], [2, 5], [2, 5]], known=0.0)
    assert list(zip(found.owners, found.origins, strict=True)) == [(0, 20), (1, 2)]
    batch = everything(found)
    assert batch["history"][0, -1, 0] == 19 and not batch["weights"].any()
    assert batch["observed"][1, :, 0].tolist() == [False] * 4 + [True] * 2


def test_padding_holds_nothing():
    found = make(np.arange(1.0, 21))
    batch = found.read(np.array([2, -1]))
    assert batch["observed"][0].any() and batch["weights"][0].all()
    for name in ("history", "observed", "targets", "weights"):
        assert not batch[name][1].any()
    assert (batch["scales"] > 0).all()


def test_scales_and_the_calendar_are_those_of_the_series():
    scales = np.array([[2], [3]], np.float32)
    found = make(np.arange(20), np.arange(20), scales=scales)
    batch = everything(found)
    np.testing.assert_array_equal(batch["scales"], scales[found.owners])
    daily = panel(np.arange(30), season=7, frequency="1d")
    found = windows.Windows(daily, seq_len=7, horizon=7, spans=np.array([[14, 21]]))
    batch = everything(found)
    expected = daily.frequency.features(daily.ticks(daily.series[0])[7:21], 7)
    np.testing.assert_array_equal(batch["history_time"][0], expected[:7])
    np.testing.assert_array_equal(batch["future_time"][0], expected[7:])
