"""The lengths of windows follow from the data, and what is trained needs no setting by hand."""

import numpy as np
import pytest

from .project import configuration, data, errors, experiments, frequency, lengths, sources

UserError = errors.UserError


def chosen(step, steps, season=None):
    """The lengths for one series."""
    found = frequency.Frequency.parse(step)
    bounds = [[0, steps * 8 // 10, steps * 9 // 10, steps]]
    return tuple(lengths.default_lengths(found, season or found.default_season(), bounds))


@pytest.mark.parametrize(
    ("step", "steps", "expected"),
    [
        ("1w", 2284, (156, 52, 13)),  # the sample
        ("1mo", 144, (36, 12, 3)),
        ("1q", 40, (12, 4, 1)),
        ("1d", 3 * 365, (42, 14, 7)),
        ("1h", 5000, (168, 24, 12)),
        ("15min", 20_000, (672, 96, 48)),
        ("1y", 60, (18, 6, 1)),
        ("1", 1000, (24, 8, 1)),
        ("1w", 156, (52, 16, 4)),  # less than a season in the test split
        ("1d", 10, (4, 1, 1)),
    ],
)
def test_lengths_follow_from_step_season_and_length(step, steps, expected):
    assert chosen(step, steps) == expected


@pytest.mark.parametrize("season", [1, 2, 7, 12, 61, 365])
@pytest.mark.parametrize("steps", [10, 50, 144, 1000, 20_000])
def test_lengths_fit_the_splits(season, steps):
    seq_len, horizon, patch_len = chosen("1d", steps, season)
    assert horizon <= steps // 10 and 2 * seq_len <= steps * 8 // 10
    assert (seq_len + horizon) / patch_len <= 3 * 16


def test_series_that_are_too_short_are_refused():
    with pytest.raises(UserError, match=r"longest series has 5 steps of 1d, too few to train, val"):
        chosen("1d", 5)


def passengers():
    """A series like that of airline passengers: 144 months, growing, with a year's pattern."""
    month = np.arange(144)
    year = np.array([-5, -4, 2, 0, 1, 9, 15, 15, 6, -3, -10, -4]) / 60
    noise = np.random.default_rng(0).normal(0, 0.03, 144)
    months = np.datetime_as_string(np.datetime64("1949-01") + month)
    values = np.exp(4.8 + 0.0101 * month + year[month % 12] * (1 + month / 144) + noise)
    return "".join(f"{when},{value:.0f}\n" for when, value in zip(months, values, strict=True))


@pytest.fixture(scope="module")
def months(tmp_path_factory):
    """Prepared without a setting but the folder."""
    folder = tmp_path_factory.mktemp("months")
    (folder / "air.csv").write_text(f"month,passengers\n{passengers()}")
    settings = data.SeriesData(directory=str(folder / "data"))
    source = sources.from_patterns([str(folder / "air.csv")], sources.Columns())
    told = settings.prepare(source, overwrite=False, progress=False)
    return settings, told


def test_prepare_tells_and_writes_down_the_lengths(months):
    settings, told = months
    assert "forecasts 12 steps ahead (data.horizon) from 36 (data.seq_len), in tokens of 3" in told
    assert settings.info()["lengths"] == {"seq_len": 36, "horizon": 12, "patch_len": 3}


@pytest.mark.parametrize("name", ["smoke", "base", "small"])
def test_every_experiment_takes_what_was_prepared(months, name):
    settings, _ = months
    directives = [f"config:{name}", f"set:data.directory={settings.directory}"]
    experiment = configuration.build(configuration.compose(directives, experiments))
    fitted = experiment.fitted(settings.info())
    assert (fitted.data.seq_len, fitted.data.horizon, fitted.model.patch_len) == (36, 12, 3)
    assert len(fitted.data.examples("train")) == 115 - 12 - 18 + 1
    batch = next(iter(fitted.data.eval_batches("test", limit=1, process=0, processes=1)))
    assert batch["targets"].shape[1] == 12


def test_settings_go_before_what_was_prepared(months):
    settings, _ = months
    other = settings.model_copy(update={"horizon": 6}).fitted(settings.info())
    assert (other.seq_len, other.horizon) == (36, 6)


def test_a_data_set_of_an_earlier_release_has_lengths_too(months):
    settings, _ = months
    info = {name: value for name, value in settings.info().items() if name != "lengths"}
    assert settings.fitted(info).seq_len == 36
