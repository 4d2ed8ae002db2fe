"""What is known beside the series reaches the model, which forecasts better with it."""

import datetime

import jax
import numpy as np
import pytest

from . import tiny
from .project import (
    configuration,
    covariates,
    data,
    errors,
    experiments,
    preparation,
    series,
    training,
)
from .tiny_series import dates, source

UserError = errors.UserError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name, head, rows):
    lines = [head, *(",".join(map(str, row)) for row in rows)]
    with open(name, "w") as file:
        file.write("".join(f"{line}\n" for line in lines))


def read(name, *words):
    return series.read_panel(source(name, *words), lambda _: None)


# Encoding


def test_numbers_are_standardised_and_texts_become_ones():
    price = covariates.Covariate("price").fitted(np.array([1, 3, np.nan, 1, 3], np.float32))
    assert (price.mean, price.scale) == (2, 1)
    assert price.encoded(np.array([4, np.nan], np.float32)).tolist() == [[2], [0]]
    event = covariates.Covariate("event", ("fair", "sale"))
    raw = np.array([1, np.nan, covariates.UNKNOWN, 0], np.float32)
    assert event.encoded(raw).tolist() == [[0, 1], [0, 0], [0, 0], [1, 0]]
    both = covariates.Covariates((price,), (event,))
    assert both.width == 3
    steps = both.encoded(np.array([[2], [3]], np.float32), np.ones((2, 1), np.float32))
    assert steps.tolist() == [[0, 0, 1], [1, 0, 1]]


def test_the_mean_and_the_scale_know_nothing_of_what_is_held_out():
    rows = [(day, at % 7, 1 if at < 80 else 1000) for at, day in enumerate(dates(100))]
    write("a.csv", "day,x,price", rows)
    settings = data.SeriesData(directory="data")
    settings.prepare(source("a.csv", "--known", "price"), overwrite=False, progress=False)
    (price,) = settings.info()["covariates"]["known"]
    assert (price["mean"], price["scale"]) == (1.0, 1.0)


def test_what_was_prepared_comes_back():
    rows = [
        (day, shop, kind, at % 5, ("", "fair", "sale")[at % 3], at % 7)
        for shop, kind in (("a", "land"), ("b", "city"))
        for at, day in enumerate(dates(100))
    ]
    write("a.csv", "day,shop,kind,price,event,x", rows)
    words = ["--series", "shop", "--known", "price", "event", "--static", "kind"]
    settings = data.SeriesData(directory="data")
    settings.prepare(source("a.csv", *words), overwrite=False, progress=False)
    before = read("a.csv", *words)
    found, _ = preparation.load_panel(settings.open("series"), "test")
    for one, other in zip(found.series, before.series, strict=True):
        np.testing.assert_array_equal(one.known, other.known)
        assert one.static == other.static and one.key == other.key
    windows = settings.examples("train")
    batch = windows.read(np.array([0, len(windows) - 1]))
    # The calendar's 8, a price, two events, two kinds.
    assert batch["future_time"].shape == (2, 7, 8 + 5)
    assert batch["future_time"][:, 0, -2:].tolist() == [[0, 1], [1, 0]]
    first = windows.origins[0]
    events = [[0, 0], [1, 0], [0, 1]]
    assert batch["future_time"][0, :6, 9:11].tolist() == [events[(first + n) % 3] for n in range(6)]
    length = batch["history_time"].shape[1]
    assert not batch["history_time"][0, : length - first, 8:11].any()  # before the series begins


def test_a_holiday_is_known():
    pytest.importorskip("holidays")
    write("a.csv", "day,x", [(day, 1.5) for day in dates(400, "2023-01-01")])
    (only,) = read("a.csv", "--holidays", "DE").series
    found = {dates(400, "2023-01-01")[at] for at in np.flatnonzero(only.known[:, 0])}
    assert {"2023-10-03", "2023-12-25", "2024-01-01"} <= found
    assert len(found) == 10 and "2023-12-24" not in found
    months = [f"2023-{month:02}" for month in range(1, 13)]
    write("b.csv", "month,x", [(month, 1.5) for month in months])
    (only,) = read("b.csv", "--holidays", "DE-BY").series
    assert only.known[:, 0].tolist() == [2, 0, 0, 2, 3, 1, 0, 0, 0, 1, 1, 2]
    hours = [datetime.datetime(2023, 12, 24, 20) + datetime.timedelta(hours=at) for at in range(9)]
    write("c.csv", "hour,x", [(hour, 1.5) for hour in hours])
    (only,) = read("c.csv", "--holidays", "DE", "--time-zone", "Europe/Berlin").series
    assert only.known[:, 0].tolist() == [0] * 4 + [1] * 5


# Use


def driven(days=260, seed=0):
    """A series that follows an event that comes at no regular times."""
    random = np.random.default_rng(seed)
    event = random.integers(0, 2, days)
    values = 20 + 5 * event + random.normal(0, 0.3, days)
    return list(zip(dates(days), values.round(2).tolist(), event.tolist(), strict=True))


TINY = (
    *("data.batch_size=32", "model.d_model=32", "model.num_heads=2", "model.d_ff=64"),
    *("optimizer.schedule.warmup_steps=20", "loop.steps=80", "model.dropout=0.0"),
    "optimizer.learning_rate=3e-3",
)


def error_of(name, *words):
    """The scaled error on the test split after a short training, for a day of what was prepared."""
    settings = data.SeriesData(directory=name)
    settings.prepare(source("a.csv", *words), overwrite=False, progress=False)
    directives = ["config:smoke", f"set:data.directory={name}", *(f"set:{each}" for each in TINY)]
    experiment = configuration.build(configuration.compose(directives, experiments))
    experiment, mesh = experiment.fitted(settings.info()), tiny.make_mesh()
    state, _ = tiny.run_steps(experiment, mesh, 80)
    batches = experiment.data.eval_batches("test", limit=None, process=0, processes=1)
    with jax.set_mesh(mesh):
        program = training.program.make_program(experiment, mesh)
        return program.evaluate(state, list(batches), None)["mase"]


def test_a_series_that_follows_a_known_input_is_forecast_better_with_it():
    write("a.csv", "day,x,event", driven())
    without = error_of("without", "--channels", "x")
    knowing = error_of("knowing", "--channels", "x", "--known", "event")
    print(knowing, without)
    assert knowing < 0.4 * without
