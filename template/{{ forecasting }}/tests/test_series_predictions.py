"""Files to predict are read as those that were prepared, and what differs is told in one line."""

from pathlib import Path

import numpy as np
import pytest

from . import series_files, series_kinds
from .project import configuration, data, errors, experiments, training
from .test_series_kinds import KINDS, prepared
from .tiny_series import dates, source

UserError = errors.UserError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fitted():
    """An experiment that knows what was prepared, and its data."""
    directives = ["config:smoke", "set:data.directory='data'", "set:data.batch_size=4"]
    experiment = configuration.build(configuration.compose(directives, experiments))
    return experiment.fitted(training.data_settings.info_of(experiment.data))


def read(content, *, name="own.csv", targets=False):
    """What a model of what was prepared is given of a file."""
    Path(name).write_text(content)
    experiment = fitted()
    return list(experiment.prediction.read(experiment.data, [name], targets=targets))


def told(chunks, prediction=None):
    """The rows of the output, with the last known value for a forecast."""
    results = []
    for chunk in chunks:
        count = len(chunk.rows)
        batch = {name: array[:count] for name, array in chunk.batch.items()}
        last = np.repeat(batch["history"][:, -1:], batch["future_time"].shape[1], axis=1)
        results.append(training.prediction.Result(chunk.rows, batch, {"q0.5": last}))
    return list((prediction or fitted().prediction).records(results))


def test_each_kind_is_read_again_as_it_was(folder):
    """The file itself, of every kind with a plain table, gives the last values that it holds."""
    for number, kind in enumerate(series_kinds.KINDS):
        if not kind.step or kind.fails or "--holidays" in kind.words:
            continue
        place = folder / str(number)
        place.mkdir()
        prepared(kind, place)
        settings = data.SeriesData(directory=str(place / "data"))
        experiment = configuration.build(configuration.compose(["config:smoke"], experiments))
        experiment = experiment.fitted(settings.info())
        (chunk,) = experiment.prediction.read(experiment.data, [f"{place}/*.*"], targets=False)
        expected = series_files.values_of(len(series_files.TIMES[kind.step]))
        assert chunk.batch["history"][0, -1, 0] == expected[-1], kind.name


def test_forecasts_name_every_key(folder):
    prepared(KINDS["`--series store item`"], folder)
    rows = told(read((folder / "t.csv").read_text()))
    assert list(rows[0])[:5] == ["store", "item", "origin", "time", "channel"]
    assert [(row["store"], row["item"]) for row in rows[::14]] == [
        ("1", "1"),
        ("1", "2"),
        ("2", "1"),
    ]


def test_a_series_that_is_new_is_forecast_like_any_other(folder):
    prepared(KINDS["`--series store item`"], folder)
    days = "".join(f"{day},9,9,{at % 7}\n" for at, day in enumerate(dates(50)))
    rows = told(read(f"date,store,item,sales\n{days}"))
    assert {(row["store"], row["item"]) for row in rows} == {("9", "9")}
    assert rows[0]["time"] == dates(51)[-1]


def test_columns_of_wide_tables_may_be_new(folder):
    prepared(KINDS["a column per series, `--wide`"], folder)
    rows = told(read("month,west\n" + "".join(f"1990-{at:02},{at}.5\n" for at in range(1, 13))))
    assert {(row["series"], row["channel"]) for row in rows} == {("west", "value")}
    assert rows[0]["q0.5"] == 12.5


def test_times_are_told_as_clocks_show_them(folder):
    prepared(KINDS["local times over the spring, `--time-zone Europe/Berlin`"], folder)
    hours = [f"2024-10-{26 + at // 24} {at % 24:02}:00,{at}.5\n" for at in range(26)]
    rows = told(read("t,x\n" + "".join(hours)))
    assert [row["time"] for row in rows[:3]] == [
        "2024-10-27T02:00:00+02:00",
        "2024-10-27T02:00:00+01:00",
        "2024-10-27T03:00:00+01:00",
    ]


def test_rounding_is_that_of_the_data_set(folder):
    prepared(KINDS["the same, `--frequency 1h`"], folder)
    (chunk,) = read("t,x\n2024-01-01T00:00:00.004,1\n2024-01-01T00:59:59.997,2\n")
    assert chunk.batch["history"][0, -2:, 0].tolist() == [1, 2]


def test_doubles_are_aggregated_as_in_the_data_set(folder):
    prepared(KINDS["the same, `--aggregate sum`"], folder)
    (chunk,) = read("t,x\n2024-01-01,1\n2024-01-02,2\n2024-01-02,3\n")
    assert chunk.batch["history"][0, -2:, 0].tolist() == [1, 5]


FAULTY = {
    "other times": (
        "`1960Q1`",
        "t,x\n1990-01-01,1\n1990-04-01,2\n",
        r"own.csv, column 't': times must be written like 1960Q1, as in the data set, not as dates",
    ),
    "other texts": (
        "`1960Q1`",
        "t,x\nQ1 1990,1\n",
        r"times must be written like 1960Q1, as in the data set, not like 'Q1 1990'",
    ),
    "another unit": (
        "seconds since 1970",
        "t,x\n1711324800000,1\n",
        r"must be written like seconds since 1970, as in the data set, not like 1711324800000",
    ),
    "another step": (
        "business days",
        "t,x\n2024-01-05,1\n2024-01-06,2\n",
        r"own.csv row 2: 2024-01-06 is no whole number of steps of 1b after 2024-01-05",
    ),
    "doubles": ("400 hours", "t,x\n2024-01-01,1\n2024-01-01,2\n", r"row 2 has the same time as"),
    "no key": (
        "`--series store item`",
        "date,store,sales\n2024-01-01,1,2\n",
        r"own.csv has no column 'item'; its columns: date, store, sales",
    ),
    "nothing known": (
        "`--known`, `--static`",
        "day,shop,kind,size,price,sales\n2024-01-01,a,city,1,2,3\n",
        r"own.csv has no column 'event'",
    ),
}


@pytest.mark.parametrize("name", FAULTY)
@pytest.mark.parametrize("targets", [True, False])
def test_what_differs_is_refused_in_one_line(folder, name, targets):
    kind, content, message = FAULTY[name]
    prepared(KINDS[kind], folder)
    with pytest.raises(UserError, match=message) as caught:
        read(content, targets=targets)
    assert "\n" not in str(caught.value)


# What is known of the future


HEAD = "day,shop,kind,size,price,event,sales\n"


def row(at, sales=None, event="fair"):
    return f"{dates(60)[at]},a,moon,2.5,{at % 5},{event},{'' if sales is None else sales}\n"


def test_known_columns_are_needed_for_the_time_to_forecast(folder):
    prepared(KINDS["`--known`, `--static`"], folder)
    past = HEAD + "".join(row(at, at % 7) for at in range(40))
    message = (
        r"--source own.csv: 'price' is missing at 2023-02-11 of series 'a': add rows with the "
    )
    message += r"known columns for the 14 steps after the last value, 2023-02-10, and leave the va"
    with pytest.raises(UserError, match=message) as caught:
        read(past)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"'price' is missing at 2023-02-16"):
        read(past + "".join(row(at) for at in range(40, 45)))
    with pytest.raises(UserError, match=r"'event' is missing at 2023-02-13"):
        read(past + "".join(row(at, event="" if at == 42 else "sale") for at in range(40, 54)))
    assert len(read(past, targets=True)) > 0  # where what came is there, so is what was known


def test_what_is_known_of_the_future_reaches_the_model(folder):
    prepared(KINDS["`--known`, `--static`"], folder)
    past = HEAD + "".join(row(at, at % 7) for at in range(40))
    chunks = read(past + "".join(row(at, event="new") for at in range(40, 54)))
    (chunk,) = chunks
    features = chunk.batch["future_time"][0, :, 8:]
    assert len(set(features[:5, 0])) == 5  # the price
    assert not features[:, 1:3].any()  # an event that nobody knew
    assert not features[:, 3:5].any()  # a kind of shop that nobody knew
    assert told(chunks)[0]["time"] == dates(41)[-1]
    experiment = fitted()
    specs = experiment.prediction.input_specs(experiment.data)
    assert specs["future_time"].shape == (14, 8 + 6)


def test_holidays_of_the_future_need_no_rows(folder):
    pytest.importorskip("holidays")
    (folder / "a.csv").write_text("day,x\n" + "".join(f"{day},{day[-1]}\n" for day in dates(300)))
    settings = data.SeriesData(directory="data")
    settings.prepare(source("a.csv", "--holidays", "DE"), overwrite=False, progress=False)
    (chunk,) = read("day,x\n" + "".join(f"2024-12-{at},{at}\n" for at in range(10, 24)))
    assert (chunk.batch["future_time"][0, :4, 8] > 1).tolist() == [False, True, True, False]
