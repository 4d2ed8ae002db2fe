"""What the prepare command is told: files or samples, and what is said about columns."""

import argparse
import builtins

import pytest

from .project import data, dialect, errors, sources

UserError = errors.UserError


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def source(*arguments):
    parser = argparse.ArgumentParser()
    sources.add_arguments(parser)
    return sources.from_arguments(parser.parse_args(arguments))


def test_files_and_what_is_said_about_their_columns(folder):
    for name in ("b.csv", "a.csv"):
        (folder / name).write_text("x,y,z\n")
    words = ("--target", "y", "--kind", "regression", "--ignore", "x", "z")
    given = source("--source", "*.csv", *words)
    assert [path.name for path in given.files] == ["a.csv", "b.csv"]
    assert given.name == "a.csv b.csv"
    assert (given.target, given.task, given.ignore) == ("y", "regression", ("x", "z"))
    assert given.dialect == dialect.Dialect()


def test_what_is_said_about_how_files_are_written(folder):
    (folder / "a.csv").write_text("x,y\n")
    words = ("--delimiter", "tab", "--decimal", ",", "--no-day-first", "--encoding", "cp1252")
    given = source("--source", "a.csv", "--target", "y", *words, "--sheet", "One")
    assert given.dialect == dialect.Dialect("cp1252", "\t", ",", False, "One")


def test_without_files_the_sample_of_the_configuration_is_taken(folder):
    assert source() == sources.Source()
    settings = data.TableData(directory="data/numbers", sample="diabetes")
    assert "progression is predicted (regression)" in settings.prepare_sample(progress=False)
    told = settings.model_copy(update={"directory": "data/classes"}).prepare(
        source("--sample", "breast_cancer"), overwrite=False, progress=False
    )
    assert "diagnosis is predicted (classification)" in told
    assert "398 rows: benign 250, malignant 148" in told


def test_a_sample_is_read_like_a_file_of_ones_own(folder):
    sources.write_sample("diabetes", folder / "own.csv")
    lines = (folder / "own.csv").read_text().splitlines()
    assert len(lines) == 443 and lines[0].endswith("s6,progression")
    settings = data.TableData(directory="data/own")
    given = source("--source", "own.csv", "--target", "progression")
    own = settings.prepare(given, overwrite=False, progress=False)
    settings = data.TableData(directory="data/sample", sample="diabetes")
    assert own.splitlines()[1:] == settings.prepare_sample(progress=False).splitlines()[1:]


def test_without_scikit_learn_it_is_said_what_to_do(folder, monkeypatch):
    def missing(name, *rest, load=builtins.__import__):
        if name == "sklearn":
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(UserError, match=r"comes with scikit-learn: run `uv sync` .* --source"):
        sources.write_sample("diabetes", folder / "own.csv")
    assert not (folder / "own.csv").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--source", "*.parquet", "--target", "x"), r"--source \*.parquet matches no file"),
        (("--source", "a.csv"), "--source needs --target"),
        (("--source", "a.csv", "--sample", "diabetes"), "--source and --sample"),
        (("--schema", "s.json", "--target", "x"), "--target and --schema"),
        (("--schema", "s.json", "--kind", "regression"), "--kind and --schema"),
        (("--schema", "s.json", "--ignore", "x"), "--ignore and --schema"),
        (("--schema", "s.json", "--write-schema", "t.json"), "--write-schema and --schema"),
        (("--schema", "s.json", "--no-day-first"), "--day-first and --schema"),
        (("--source", "a.csv", "--target", "x", "--encoding", "cp12"), "--encoding cp12: there"),
        (
            ("--source", "a.csv", "--target", "x", "--delimiter", ";;"),
            "--delimiter ;;: give a sing",
        ),
    ],
)
def test_contradictions_are_reported(folder, words, message):
    (folder / "a.csv").write_text("x\n1\n")
    with pytest.raises(UserError, match=message):
        source(*words)
