"""Many short series: each scaled by itself, and counted once or by its volume."""

import json
import re

import numpy as np
import pytest

from . import tiny
from .project import command_line, data, series_scores
from .tiny_series import panel, source

COUNT, MONTHS, HORIZON = 300, 48, 4


def score(errors, counts, series, volumes):
    examples = {"error": errors, "count": counts, "volumes": volumes}
    arrays = {name: np.float32(array) for name, array in examples.items()}
    return series_scores.SeriesScores().compute({**arrays, "series": np.int32(series)})


def test_each_series_counts_once_or_by_its_volume():
    told = score([[2], [4], [9]], [[2], [2], [3]], [5, 5, 8], [[1], [1], [3]])
    assert told == {
        "series_mase": pytest.approx((6 / 4 + 9 / 3) / 2),
        "weighted_mase": pytest.approx((1 * 6 / 4 + 3 * 9 / 3) / 4),
        "series": 2,
    }


def test_a_channel_without_targets_does_not_count():
    told = score([[2, 0]], [[2, 0]], [0], [[1, 7]])
    assert told == {"series_mase": 1, "weighted_mase": 1, "series": 1}


def table(path, scale):
    """Short monthly series of all sizes, some of them of a few months alone."""
    random = np.random.default_rng(0)
    months = np.datetime64("2022-01") + np.arange(MONTHS)
    lines = ["month,item,sold"]
    for item in range(COUNT):
        length = 6 if item % 10 == 0 else MONTHS
        level = (
            10
            + random.normal(0, 0.4, MONTHS).cumsum()
            + 2 * random.normal(size=12)[np.arange(MONTHS) % 12]
        )
        values = (level * scale(item)).round(4)[-length:]
        rows = zip(months[-length:], values, strict=True)
        lines += [f"{month}-01,item {item},{value}" for month, value in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def settings(folder, name):
    return data.SeriesData(
        directory=str(folder / "data" / name), seq_len=16, horizon=HORIZON, batch_size=64
    )


def prepare(folder, name):
    table = source(folder / f"{name}.csv", "--series", "item", "--season", "12")
    return settings(folder, name).prepare(table, overwrite=False, progress=False)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The same series in one unit, and each in a unit of its own; what `prepare` said of both."""
    folder = tmp_path_factory.mktemp("lab")
    table(folder / "same.csv", lambda item: 1.0)
    table(folder / "own.csv", lambda item: 10.0 ** (item % 7 - 3))
    (folder / "told.txt").write_text(prepare(folder, "own") + prepare(folder, "same"))
    return folder


def test_series_too_short_for_a_window_are_counted_and_told(lab):
    told = (lab / "told.txt").read_text()
    short = COUNT // 10
    line = rf"^  {short} series too short to be tested on: .* 4 steps in the test split, after half"
    assert re.search(line, told, re.MULTILINE)
    windows = settings(lab, "own").examples("test")
    assert len(np.unique(windows.owners)) == COUNT - short


def test_the_volume_is_that_of_the_last_steps_of_training(lab):
    examples = settings(lab, "own").examples("test")
    batch = examples.read(np.arange(3))
    whole = panel(lab / "own.csv", series="item").series
    first = batch["series"][0]
    values = whole[first].values
    border = settings(lab, "own").open("series").info["series"][first]["bounds"][1]
    assert batch["volumes"][0, 0] == pytest.approx(np.abs(values[border - HORIZON : border]).sum())


def test_each_series_is_scaled_by_itself(lab):
    """Units as far apart as a million change neither what is learned nor what it scores."""
    told = {}
    for name in ("own", "same"):
        fields = ("data.seq_len=16", f"data.horizon={HORIZON}", "data.batch_size=64")
        words = tiny.directives(lab / "data" / name, *fields, "model.patch_len=4", "loop.steps=10")
        options = [f"--config={each}" for each in words]
        output = lab / f"{name}.json"
        run = ["--run-dir", str(lab / name)]
        assert command_line.main(["train", *run, *options]) == 0
        assert command_line.main(["evaluate", *run, "--output", str(output)]) == 0
        told[name] = json.loads(output.read_text())["metrics"]
    own, same = told["own"], told["same"]
    assert own["series"] == same["series"] == COUNT * 9 / 10
    for metric in ("series_mase", "mase", "loss", "coverage_80", "width_80"):
        assert own[metric] == pytest.approx(same[metric], rel=0.02), metric
    assert own["weighted_mase"] != pytest.approx(same["weighted_mase"], rel=1e-3)
