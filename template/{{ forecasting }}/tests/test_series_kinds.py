"""Series as people have them are read as what they mean, or refused in one line."""

import argparse
import importlib.util
import sys

import numpy as np
import pytest

from . import series_files, series_kinds
from .kinds import told_of
from .project import data, errors, holiday_calendar, preparation, sources

KINDS = {kind.name: kind for kind in series_kinds.KINDS}


def prepared(kind, folder):
    """What `prepare` says of a kind, in an empty folder."""
    kind.write(folder)
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    source = sources.from_arguments(
        parser.parse_args(["--source", str(folder / "*.*"), *kind.words])
    )
    settings = data.SeriesData(directory=str(folder / "data"))
    return settings.prepare(source, overwrite=False, progress=False)


def first_series(folder):
    """The values of the first series, and when it begins."""
    data_set = data.SeriesData(directory=str(folder / "data")).open("series")
    panel, _ = preparation.load_panel(data_set, "test")
    return panel.series[0].values[:, 0]


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_read_or_refused(name, tmp_path):
    kind = KINDS[name]
    if "--holidays" in kind.words and not importlib.util.find_spec("holidays"):
        pytest.skip("the package holidays is not installed")
    told_of(kind, prepared, tmp_path)
    if not kind.fails:
        found = first_series(tmp_path)
        if kind.step:
            expected = series_files.values_of(len(series_files.TIMES[kind.step]))
            np.testing.assert_array_equal(found, np.array(expected, np.float32))
        for step, value in kind.values.items():
            assert found[step] == np.float32(value)
        assert kind.step or kind.values


def test_holidays_need_a_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)
    holiday_calendar._holidays.cache_clear()
    with pytest.raises(errors.UserError, match=r"--holidays DE needs the package holidays: run `u"):
        prepared(KINDS["`--holidays DE`"], tmp_path)
