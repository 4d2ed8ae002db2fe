"""Data set files: there as a whole or not at all, and never silently damaged."""

import json
import os
import resource
import signal
import subprocess
import sys

import pytest

from .project import errors, storage

UserError = errors.UserError
dataset, dataset_writer = storage.dataset, storage.dataset_writer

RECORDS = [bytes([number]) * (number + 1) for number in range(40)]

# Begins to replace one data set and to write another, and waits for its end before the commit.
UNFINISHED_WRITERS = """
import importlib, pathlib, sys
writing = importlib.import_module(sys.argv[1])
old, new = map(pathlib.Path, sys.argv[2:])
with (
    writing.DataSetWriter(old, overwrite=True, shard_bytes=8) as first,
    writing.DataSetWriter(new, shard_bytes=8) as second,
):
    for number in range(100):
        first.write("train", b"unfinished")
        second.write("train", b"unfinished")
    print("written", flush=True)
    sys.stdin.read()
"""


def write(directory, records=RECORDS, *, info=None, **options):
    with dataset_writer.DataSetWriter(directory, **options) as writer:
        for record in records:
            writer.write("train", record)
        writer.write("test", b"held out")
        return writer.commit(info or {})


def read(directory, split="train"):
    return list(dataset.DataSet.open(directory).source(split))


def names(directory):
    return sorted(path.name for path in directory.iterdir())


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "data" / "digits"


def test_records_and_information_come_back(directory):
    write(directory, info={"classes": 10})
    opened = dataset.DataSet.open(directory)
    assert opened.info == {"classes": 10}
    assert opened.splits == ["train", "test"]
    assert list(opened.source("train")) == RECORDS
    assert opened.source("train")[7] == RECORDS[7]
    assert list(opened.source("test")) == [b"held out"]


def test_shards_roll_over_at_the_size_bound(directory):
    write(directory, shard_bytes=100)
    shards = [name for name in names(directory) if name.startswith("train-")]
    assert len(shards) > 3
    assert read(directory) == RECORDS


def test_each_record_is_compressed_by_itself(directory):
    write(directory)
    shard = next(directory.glob("train-*"))
    reader = dataset.array_record_module.ArrayRecordReader(str(shard))
    assert "group_size:1," in reader.writer_options_string()


def test_fingerprint_tells_data_apart(directory, tmp_path):
    first = write(directory).fingerprint
    assert write(tmp_path / "same").fingerprint == first
    assert dataset.DataSet.open(directory).fingerprint == first
    assert write(tmp_path / "other", [*RECORDS[:-1], b"changed"]).fingerprint != first


def unreadable():
    yield b"lost"
    raise UserError("unreadable")


def test_nothing_is_left_of_a_writer_that_fails(directory):
    with pytest.raises(UserError, match="unreadable"):
        write(directory, unreadable())
    assert not directory.exists()


def test_nothing_is_left_of_a_writer_that_does_not_commit(directory):
    with dataset_writer.DataSetWriter(directory) as writer:
        writer.write("train", b"lost")
        (writer.scratch / "notes").write_text("lost too")
    assert not directory.exists()


def test_existing_data_is_replaced_only_on_demand(directory):
    write(directory)
    before = names(directory)
    with pytest.raises(UserError, match="--overwrite"):
        write(directory, [b"new"])
    assert names(directory) == before
    write(directory, [b"new"], overwrite=True)
    assert read(directory) == [b"new"]
    assert len(names(directory)) == len(before)


def test_the_old_data_stays_until_the_commit(directory):
    write(directory)
    with dataset_writer.DataSetWriter(directory, overwrite=True) as writer:
        writer.write("train", b"new")
        assert read(directory) == RECORDS
        writer.commit({})
        assert read(directory) == [b"new"]


def test_a_killed_writer_leaves_nothing_that_opens(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    write(old)
    with subprocess.Popen(
        [sys.executable, "-c", UNFINISHED_WRITERS, dataset_writer.__name__, old, new],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        for directory in (old, new):
            with pytest.raises(UserError, match="another process"):
                write(directory, overwrite=True)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert read(old) == RECORDS
    assert not dataset.holds_data_set(new)
    with pytest.raises(UserError, match="prepare"):
        dataset.DataSet.open(new)
    for directory in (old, new):
        write(directory, [b"new"], overwrite=True)
        assert read(directory) == [b"new"]
        assert len(names(directory)) == 3


def test_a_writer_killed_within_the_commit_is_cleaned_up(directory):
    write(directory)
    orphan = directory / "train-00000-0123abcd.arrayrecord"
    orphan.write_bytes(b"renamed into place, but the manifest was not")
    assert read(directory) == RECORDS
    write(directory, overwrite=True)
    assert not orphan.exists()


def test_a_directory_with_other_files_is_left_alone(directory):
    directory.mkdir(parents=True)
    (directory / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"thesis\.tex"):
        write(directory, overwrite=True)
    assert names(directory) == ["thesis.tex"]


def test_a_file_is_no_directory(directory):
    directory.parent.mkdir()
    directory.write_text("")
    with pytest.raises(UserError, match=r"cannot write .*: Not a directory"):
        write(directory)


def test_a_failed_write_is_reported(directory):
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))  # stands in for a full disk
    try:
        with pytest.raises(UserError, match=r"cannot write .*train-00000"):
            write(directory, [os.urandom(2**20) for _ in range(4)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not directory.exists()


def test_a_missing_data_set_is_reported(directory):
    with pytest.raises(UserError, match=r"no data set in .*digits: run the prepare command"):
        dataset.DataSet.open(directory)


def test_an_unknown_split_is_reported(directory):
    with pytest.raises(UserError, match="no split 'dev'; its splits: train, test"):
        write(directory).source("dev")


def test_a_missing_file_is_reported(directory):
    write(directory)
    next(directory.glob("test-*")).unlink()
    with pytest.raises(UserError, match=r"test-00000-.*missing.*--overwrite"):
        dataset.DataSet.open(directory)


def test_a_truncated_file_is_reported(directory):
    write(directory)
    shard = next(directory.glob("train-*"))
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"train-00000-.*bytes instead of.*--overwrite"):
        dataset.DataSet.open(directory)


def test_a_file_of_the_right_size_and_the_wrong_content_is_reported(directory):
    write(directory)
    shard = next(directory.glob("train-*"))
    shard.write_bytes(bytes(shard.stat().st_size))
    with pytest.raises(UserError, match=r"train-00000-.*damaged.*--overwrite"):
        dataset.DataSet.open(directory)


def test_a_flipped_bit_is_found_in_every_record_and_its_file_named(directory):
    records = [os.urandom(300) for _ in range(6)]
    with dataset_writer.DataSetWriter(directory, shard_bytes=600) as writer:
        for record in records:
            writer.write("train", record)
        data_set = writer.commit({})
    assert data_set.find_damage() is None
    shards = sorted(directory.glob("train-*"))
    assert len(shards) == 3
    for number, record in enumerate(records):
        shard = shards[number // 2]
        intact = shard.read_bytes()
        at = intact.index(record[:64])
        shard.write_bytes(intact[:at] + bytes([intact[at] ^ 1]) + intact[at + 1 :])
        source = data_set.source("train")
        damaged = rf"{shard.name} is damaged .*--overwrite\Z"
        with pytest.raises(UserError, match=damaged):
            source[number]
        with pytest.raises(UserError, match=damaged):
            source.__getitems__(list(range(6)))
        assert shard.name in (data_set.find_damage() or "")
        shard.write_bytes(intact)
    assert list(data_set.source("train")) == records


def test_a_shard_of_other_records_is_found(directory):
    data_set = write(directory)
    path = directory / dataset.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["splits"]["train"][0]["digest"] = "0" * 64
    path.write_text(json.dumps(manifest))
    assert "not those that were written" in dataset.DataSet.open(directory).find_damage()
    assert data_set.find_damage() is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda manifest: manifest["splits"]["train"][0].update(records=7), "instead of 7"),
        (lambda manifest: manifest.update(format=99, new={}), r"\(format: Input should be 1\)"),
        (lambda manifest: manifest.pop("splits"), "damaged"),
    ],
)
def test_a_wrong_manifest_is_reported(directory, change, message):
    write(directory)
    path = directory / dataset.MANIFEST
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(UserError, match=message):
        dataset.DataSet.open(directory)


def test_a_broken_manifest_is_reported(directory):
    write(directory)
    (directory / dataset.MANIFEST).write_text('{"format": 1, "spl')
    with pytest.raises(UserError, match=r"dataset\.json is damaged"):
        dataset.DataSet.open(directory)


def test_a_spool_gives_back_its_records(tmp_path):
    with dataset_writer.DataSetWriter(tmp_path) as writer:
        first, second, empty = writer.spool(), writer.spool(), writer.spool()
        for record in RECORDS:
            first.add(record)
            second.add(record * 2)
        taken = first.take()
        assert list(taken) == RECORDS
        assert taken[7] == RECORDS[7]
        assert list(second.take())[3] == 2 * RECORDS[3]
        assert list(empty.take()) == []
    assert not list(tmp_path.iterdir())
