"""Tables as people have them are read as what they mean, or refused in one line."""

import argparse
import sys

import pytest

from . import table_kinds
from .kinds import records, told_of
from .project import data, errors, prediction, sources, storage

KINDS = {kind.name: kind for kind in table_kinds.KINDS}


def prepared(kind, folder):
    """What `prepare` says of a kind, in an empty folder."""
    kind.write(folder)
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    words = ["--source", str(folder / "*"), "--target", kind.target, *kind.words]
    source = sources.from_arguments(parser.parse_args(words))
    settings = data.TableData(directory=str(folder / "data"))
    return settings.prepare(source, overwrite=False, progress=False)


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """The data set of the clean table."""
    folder = tmp_path_factory.mktemp("clean")
    prepared(table_kinds.KINDS[0], folder)
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_is_read_or_refused(name, clean, tmp_path):
    kind = KINDS[name]
    told_of(kind, prepared, tmp_path)
    if kind.same and not kind.fails:
        assert records(tmp_path / "data") == records(clean / "data")


def test_spreadsheets_need_a_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(errors.UserError, match=r"t.ods needs the package python-calamine: run `uv"):
        prepared(KINDS["`.ods`"], tmp_path)


def test_a_spreadsheet_is_parsed_once(tmp_path, monkeypatch):
    calamine = pytest.importorskip("python_calamine")
    opened, parse = [], calamine.CalamineWorkbook.from_path

    class Counting:
        @staticmethod
        def from_path(path):
            opened.append(path)
            return parse(path)

    monkeypatch.setattr(calamine, "CalamineWorkbook", Counting)
    prepared(KINDS["`.xlsx`"], tmp_path)
    assert len(opened) == 1


def read(name, folder, content):
    """What a model that was trained on a kind reads of a file."""
    prepared(KINDS[name], folder)
    (folder / "own").mkdir()
    (folder / "own" / "t.csv").write_text(content, encoding="utf-8")
    info = storage.dataset.DataSet.open(folder / "data").info
    how = prediction.TablePrediction().fitted(info)
    (chunk,) = how.read(data.TableData(batch_size=4), [str(folder / "own" / "*")], targets=False)
    return chunk.batch["numbers"][: len(chunk.rows)]


HEAD, ROW = "size;price;day;spent;color", "1,5;1000,5;2024-01-01;3600;red"


def test_files_to_predict_are_read_as_those_that_were_prepared(tmp_path):
    content = f"{HEAD}\n{ROW}\n1;-2,5;2024-01-01;3600;red\n"
    first, second = read("semicolons and decimal commas", tmp_path, content)
    assert first[0] > second[0] and first[1] > second[1]
    assert first[2] == second[2] and first[3] == second[3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{HEAD}\n{ROW}\n1.5;1;2024-01-01;3600;red\n", "row 2, column 'size': '1.5' is not w"),
        (f"{HEAD}\n{ROW}\n1;1;01.02.2024;3600;red\n", "row 2, column 'day': '01.02.2024' is no d"),
        (
            f"{HEAD[5:]}\n{ROW[4:]}\n",
            "t.csv has no column 'size'; it has: price, day, spent, color",
        ),
    ],
)
def test_files_that_are_written_otherwise_are_refused(tmp_path, content, message):
    with pytest.raises(errors.UserError, match=message) as caught:
        read("semicolons and decimal commas", tmp_path, content)
    assert "\n" not in str(caught.value)
