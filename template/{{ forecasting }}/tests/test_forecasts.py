"""Forecasts of own files: which windows, what is told of them, and how they are drawn."""

import pytest
from flax import nnx

from . import tiny
from .project import errors, training
from .tiny_series import dates, panel, write_table

UserError = errors.UserError
SEQ_LEN, HORIZON = 28, 7
QUANTILES = ["q0.025", *(f"q0.{number}" for number in range(1, 10)), "q0.975"]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """The tiny experiment, fitted to its data, which are gone."""
    directory = tiny.prepare(tmp_path_factory.mktemp("data"))
    found = tiny.make(directory)
    directory.rename(directory.with_name("elsewhere"))
    return found


@pytest.fixture(scope="module")
def ask(experiment):
    """What an untrained model makes of own files."""
    forecaster = experiment.model.build(rngs=nnx.Rngs(0), precision=experiment.precision)
    sharding = training.program.batch_sharding(tiny.make_mesh())

    def ask(*patterns, targets):
        chunks = experiment.prediction.read(experiment.data, patterns, targets=targets)
        results = training.evaluation.predict(
            experiment.prediction, forecaster, experiment.data, chunks, sharding
        )
        return list(results)

    return ask


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def records(experiment, results):
    return list(experiment.prediction.records(results))


def test_each_series_is_forecast_from_its_end(experiment, ask, folder):
    write_table(folder / "a.csv", places=3, days=40)
    rows = records(experiment, ask("a.csv", targets=False))
    assert len(rows) == 3 * HORIZON * 2
    assert list(rows[0]) == ["series", "origin", "time", "channel", *QUANTILES]
    future = dates(40 + HORIZON)[39:]
    assert {row["origin"] for row in rows} == {future[0]}
    assert [row["time"] for row in rows[::2]] == future[1:] * 3
    assert [row["channel"] for row in rows[:4]] == ["sales", "visits"] * 2
    assert [row["series"] for row in rows[:: 2 * HORIZON]] == ["place 0", "place 1", "place 2"]
    for row in rows:
        told = [row[name] for name in QUANTILES]
        assert told == sorted(told)


def test_a_series_shorter_than_a_window_is_forecast_too(experiment, ask, folder):
    write_table(folder / "a.csv", places=1, days=10)
    assert len(records(experiment, ask("a.csv", targets=False))) == HORIZON * 2


def test_with_targets_the_origin_rolls_over_the_files(experiment, ask, folder):
    path = write_table(folder / "a.csv", places=2, days=40)
    results = ask("a.csv", targets=True)
    rows = records(experiment, results)
    origins = 40 - HORIZON - SEQ_LEN // 2 + 1
    assert len(rows) == 2 * origins * HORIZON * 2
    assert list(rows[0])[-1] == "actual"
    first, last = rows[0], rows[-1]
    assert (first["origin"], first["time"]) == tuple(dates(40)[13:15])
    assert (last["series"], last["time"]) == ("place 1", dates(40)[-1])
    whole = panel(path, series="place")
    assert first["actual"] == whole.series[0].values[14, 0]
    assert last["actual"] == whole.series[1].values[39, 1]
    assert all(result.batch["weights"].all() for result in results)


def test_series_too_short_to_compare_with_are_counted(experiment, ask, folder, capsys):
    lines = write_table(folder / "a.csv", places=3, days=40).read_text().splitlines()
    (folder / "a.csv").write_text("\n".join(lines[:-30]) + "\n")  # of the third, ten days stay
    rows = records(experiment, ask("a.csv", targets=True))
    assert {row["series"] for row in rows} == {"place 0", "place 1"}
    told = capsys.readouterr().err
    assert told.startswith("note: 1 of 3 series are too short to be evaluated: they have no window")


def test_an_actual_value_that_is_missing_stays_empty(experiment, ask, folder):
    lines = write_table(folder / "a.csv", places=1, days=30).read_text().splitlines()
    day, place, *_ = lines[-1].split(",")
    (folder / "a.csv").write_text("\n".join([*lines[:-1], f"{day},{place},,5.5"]) + "\n")
    *_, sales, visits = records(experiment, ask("a.csv", targets=True))
    assert sales["actual"] is None and visits["actual"] == 5.5


def test_files_are_read_as_the_training_data_were(experiment, ask, folder):
    """By the names of the columns, whatever else there is, and with the step of the data set."""
    (folder / "a.csv").write_text("visits,id,place,sales,day\n1.5,7,x,2.5,2024-02-28\n")
    rows = records(experiment, ask("a.csv", targets=False))
    assert [row["time"] for row in rows[::2]][:2] == ["2024-02-29", "2024-03-01"]
    constant = {row["channel"]: row["q0.5"] for row in rows}
    assert constant["sales"] == pytest.approx(2.5, rel=1e-3)


FAULTY = {
    "lacks a channel": ("day,place,sales\n2024-01-01,a,1.5\n", r"a.csv has no column 'visits'"),
    "lacks the series": ("day,sales,visits\n2024-01-01,1.5,1.5\n", r"a.csv has no column 'place'"),
    "has another step": (
        "day,place,sales,visits\n2024-01-01,a,1.5,1.5\n2024-01-01T12:00,a,1.5,1.5\n",
        r"a.csv row 2: 2024-01-01T12:00:00 is no whole number of steps of 1d",
    ),
    "has no dates": ("day,place,sales,visits\n1,a,1.5,1.5\n", r"must be written like dates, .* 1$"),
    "is empty": ("day,place,sales,visits\n2024-01-01,a,,\n", r"nothing in .* 28 steps .*'a' to f"),
}


@pytest.mark.parametrize("name", FAULTY)
def test_a_file_that_does_not_suit_is_reported(ask, folder, name):
    content, message = FAULTY[name]
    (folder / "a.csv").write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        ask("a.csv", targets=False)
    assert "\n" not in str(caught.value)


def test_files_too_short_to_compare_with_are_reported(ask, folder):
    write_table(folder / "a.csv", places=1, days=12)
    with pytest.raises(UserError, match=r"no stretch of data.horizon 7 steps, after data.se"):
        ask("a.csv", targets=True)


@pytest.mark.parametrize("targets", [True, False])
def test_forecasts_are_drawn(experiment, ask, folder, targets):
    write_table(folder / "a.csv", places=3, days=30)
    experiment.prediction.plot(folder / "fan.png", ask("a.csv", targets=targets))
    assert (folder / "fan.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "fan.png"]


def test_forecasts_of_a_split_are_drawn(experiment, ask, folder):
    """The examples of a prepared split have no names and no times."""
    write_table(folder / "a.csv", places=1, days=30)
    results = ask("a.csv", targets=True)
    results = [result._replace(rows=[{}] * len(result.rows)) for result in results]
    experiment.prediction.plot(folder / "fan.png", results)
    assert (folder / "fan.png").stat().st_size > 10_000
