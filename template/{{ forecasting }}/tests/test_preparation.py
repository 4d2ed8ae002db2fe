"""The data set: split by time, nothing of the future in what comes before, nothing lost."""

import datetime

import numpy as np
import pytest

from .project import data, errors, preparation, series, sources, storage
from .tiny_series import dates, panel, write_table

UserError = errors.UserError
SPLITS = preparation.SPLITS


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prepare(*, seq_len=14, horizon=7, overwrite=False, **columns):
    source = sources.from_patterns(["*.csv"], sources.Columns(**columns))
    settings = data.SeriesData(directory="data", seq_len=seq_len, horizon=horizon)
    settings.prepare(source, overwrite=overwrite, progress=False)
    return settings.open("series")


def test_a_table_in_another_dialect_is_the_same_series(folder):
    days = [datetime.date(2024, 1, 20) + datetime.timedelta(at) for at in range(120)]
    plain = "".join(f"{day},{at / 8}\n" for at, day in enumerate(days))
    (folder / "plain.csv").write_text(f"day,x\n{plain}")
    rows = (
        f"{at};{day:%d.%m.%Y};" + f"{at / 8}\n".replace(".", ",") for at, day in enumerate(days)
    )
    (folder / "other.csv").write_text(f";day;x\n{''.join(rows)}", encoding="utf-16")
    told = []
    for name in ("plain", "other"):
        source = sources.from_patterns([f"{name}.csv"], sources.Columns())
        settings = data.SeriesData(directory=name, seq_len=14, horizon=7)
        settings.prepare(source, overwrite=False, progress=False)
        told.append(settings.open("series"))
    plain, other = told
    assert other.info["dialect"]["formats"] == {"day": "d/m/y", "x": "1234,5"}
    assert other.info["series"] == plain.info["series"]
    for split in SPLITS:
        assert list(other.source(split)) == list(plain.source(split))


def test_times_that_can_be_read_in_two_ways_are_refused(folder):
    write("a.csv", [f"0{1 + at % 9}/0{1 + at // 9}/2024,a,{at}" for at in range(60)])
    with pytest.raises(
        UserError, match=r"column 'day': dates such as .*: give --day-first or --no"
    ):
        prepare(time="day", channels=("x",))


def write(name, rows):
    with open(name, "w") as file:
        file.write("\n".join(["day,place,x", *rows]) + "\n")


def test_the_data_set_gives_back_the_series(folder, monkeypatch):
    monkeypatch.setattr(preparation, "CHUNK_STEPS", 10)  # several records for each part
    path = write_table(folder / "a.csv", places=3, days=123)
    data_set = prepare(series="place")
    loaded, spans = preparation.load_panel(data_set, "test")
    original = panel(path, series="place")
    assert loaded.columns == original.columns
    assert (loaded.frequency, loaded.season) == (original.frequency, original.season)
    for one, other in zip(loaded.series, original.series, strict=True):
        assert (one.name, one.start) == (other.name, other.start)
        np.testing.assert_array_equal(one.values, other.values)
    assert spans.tolist() == [[110, 123]] * 3


def test_a_data_set_of_an_earlier_release_gives_them_too(folder):
    path = write_table(folder / "a.csv", places=2, days=120)
    data_set = prepare(series="place")
    before, _ = preparation.load_panel(data_set, "test")
    for name in ("lengths", "reading", "notes", "covariates"):
        del data_set.info[name]
    columns = data_set.info["columns"]
    for name in ("wide", "known", "static", "parts"):
        del columns[name]
    columns["series"] = "place"
    for each in data_set.info["series"]:
        del each["key"], each["static"]
    found, _ = preparation.load_panel(data_set, "test")
    read = series.read_panel(sources.as_prepared([str(path)], data_set.info), lambda _: None)
    for one, two, three in zip(before.series, found.series, read.series, strict=True):
        assert one.key == two.key == three.key
        np.testing.assert_array_equal(one.values, two.values)
        np.testing.assert_array_equal(one.values, three.values)


def test_a_split_is_loaded_without_what_comes_later(folder):
    write_table(folder / "a.csv", places=2, days=120)
    data_set = prepare(series="place")
    for split, first, stop in zip(SPLITS, (0, 96, 108), (96, 108, 120), strict=True):
        loaded, spans = preparation.load_panel(data_set, split)
        assert {len(each.values) for each in loaded.series} == {stop}
        assert spans.tolist() == [[first, stop]] * 2


def test_all_series_are_split_at_the_same_time(folder):
    """One series ends early, one begins late, and neither shows training what is held out."""
    days = dates(200)
    rows = [f"{day},whole,1.5" for day in days]
    rows += [f"{day},early,2.5" for day in days[:60]] + [f"{day},late,3.5" for day in days[170:]]
    write("a.csv", rows)
    data_set = prepare(series="place")
    bounds = {each["name"]: each["bounds"] for each in data_set.info["series"]}
    starts = dict(zip(bounds, (0, 0, 170), strict=True))
    borders = {name: np.add(bound[1:3], starts[name]).tolist() for name, bound in bounds.items()}
    assert bounds["early"] == [0, 60, 60, 60]
    validation, test = borders["whole"]
    assert bounds["late"][1] == max(0, validation - 170)
    # Of all 290 points 80 % come before the first border, and 90 % before the second.
    before = [border + min(border, 60) + max(0, border - 170) for border in (validation, test)]
    assert before == pytest.approx([0.8 * 290, 0.9 * 290], abs=2)
    told = data_set.info["splits"]
    assert told["validation"]["start"] == days[validation] and told["test"]["start"] == days[test]
    assert told["train"]["series"] == (3 if bounds["late"][1] else 2)


def test_scales_know_nothing_of_what_is_held_out(folder):
    rows = [f"{day},a,{number % 7}.0" for number, day in enumerate(dates(100))]
    write("a.csv", [*rows[:80], *(f"{row[:-3]}{row[-3:-2]}99.0" for row in rows[80:])])
    info = prepare(series="place", horizon=5).info
    assert info["series"][0]["scales"] == [1.0]  # no change from week to week


def test_the_summary_counts(folder):
    write_table(folder / "a.csv", places=2, days=100)
    settings = data.SeriesData(directory="data", seq_len=14, horizon=7)
    source = sources.from_patterns(["a.csv"], sources.Columns(series="place", channels=("sales",)))
    told = settings.prepare(source, overwrite=False, progress=False)
    assert "data: a.csv\n" in told
    assert "time 'day' in steps of 1d, season of 7 steps; channels: sales" in told
    assert told.splitlines()[1] == "  read as cells separated by ',', UTF-8"
    assert told.splitlines()[3] == "  2 series, by place"
    assert told.splitlines()[4] == "  split 80/10/10 by time"
    train, validation, test = (line.split() for line in told.splitlines()[5:8])
    assert train[:5] == ["train", "160", "steps", "2", "series"]
    assert [line[1] for line in (validation, test)] == ["20", "20"]
    assert "columns that were not used: visits" in told


def test_a_series_too_short_for_its_splits_is_reported(folder):
    write_table(folder / "a.csv", places=1, days=60)
    with pytest.raises(UserError, match=r"the validation split has 6 steps of a series at most, "):
        prepare(channels=("sales",))
    assert not (folder / "data").exists()


def test_a_split_in_which_most_is_missing_is_reported(folder):
    rows = [f"{day},a,{'' if number > 80 else 1.5}" for number, day in enumerate(dates(100))]
    write("a.csv", [*rows[:-1], rows[-1] + "2.5"])
    with pytest.raises(UserError, match=r"validation split has no stretch of data.horizon 7"):
        prepare(series="place")


def test_a_failed_preparation_leaves_the_old_data(folder):
    write_table(folder / "a.csv", places=2, days=120)
    fingerprint = prepare(series="place").fingerprint
    with pytest.raises(UserError, match="--overwrite"):
        prepare(series="place")
    (folder / "a.csv").write_text("day,x\n2024-01-01,1.5\n2024-01-01,2.5\n")
    with pytest.raises(UserError, match="same time"):
        prepare(overwrite=True)
    assert storage.dataset.DataSet.open(folder / "data").fingerprint == fingerprint
