"""A run or a data set may come from anywhere: its files lead nowhere else, and run nothing."""

import json
import os
import pickle
import shutil

import jax.numpy as jnp
import numpy as np
import pytest

from . import tiny
from .project import command_line, configuration, errors, experiments, files, reporting, storage
from .watched import unchanged, watched

DEEP = "[" * 200_000


class Planted:
    """Unpickled, it starts a program."""

    def __reduce__(self):
        return os.system, ("touch ran",)


PICKLE = pickle.dumps(Planted())


@pytest.fixture
def victim(tmp_path):
    """A folder that is to stay as it is, with a file in it."""
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "file").write_text("precious")
    with watched(), unchanged(folder):
        yield folder


@pytest.fixture
def run(tmp_path):
    """The folder of a run that has a configuration and nothing else."""
    directory = storage.run_directory.RunDirectory(tmp_path / "run")
    directory.path.mkdir()
    data = tmp_path / "data"
    config = configuration.compose([f"set:data.directory={str(data)!r}"], experiments)
    directory.config_json.write_text(configuration.dump_json(config))
    return directory


def refusal(capsys, *words):
    assert command_line.main([str(word) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and error.count("\n") == 1 and len(error) < 500
    return error


def training(run):
    return ["train", "--run-dir", run.path, f"--config=config_file:{run.config_json}"]


COMMANDS = {
    "train": training,
    "evaluate": lambda run: ["evaluate", "--run-dir", run.path],
    "doctor": lambda run: ["doctor", "--run-dir", run.path],
    "replay": lambda run: ["replay", "--run-dir", run.path, "--step", "1"],
}
ENTRIES = [
    *[".lock", "checkpoints", "config.json", "config.txt", "curves.png", "data_set.json"],
    *["environment.json", "export", "metrics.jsonl", "pretrained", "profile", "samples", "start"],
    *["tokenizer", "tracker", "checkpoints/5", "checkpoints/5/state", "samples/1.txt"],
    *["rollbacks.json", "diverged.json"],
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("entry", ENTRIES)
def test_a_run_is_not_left_through_a_link(run, victim, capsys, command, entry):
    path = run.path / entry
    path.parent.mkdir(parents=True, exist_ok=True)
    words = COMMANDS[command](run)
    if path.exists():
        path.rename(victim.parent / "was")
        words = [str(word).replace(str(path), str(victim.parent / "was")) for word in words]
    path.symlink_to(victim if "." not in path.name else victim / "file")
    assert f"{path} is a link" in refusal(capsys, *words)


def test_a_tracker_may_link_within_its_folder(run):
    (run.tracker / "wandb").mkdir(parents=True)
    (run.tracker / "wandb" / "latest-run").symlink_to("run-1")
    run.refuse_links()


@pytest.mark.parametrize("name", ["config.json", "data_set.json", "environment.json", ".lock"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_is_not_waited_for(run, capsys, command, name):
    shutil.copy(run.config_json, saved := run.path.parent / "saved.json")
    (run.path / name).unlink(missing_ok=True)
    os.mkfifo(run.path / name)
    words = [str(word).replace(str(run.config_json), str(saved)) for word in COMMANDS[command](run)]
    assert f"{run.path / name} is a link or a device" in refusal(capsys, *words)


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/stdin", "/proc/self/mem", "."])
def test_a_configuration_is_read_from_files_only(capsys, path):
    refusal(capsys, "config", "show", f"--config=config_file:{path}")


@pytest.mark.parametrize("value", ["(" * 100_000, "-" * 100_000 + "1", "__import__('os')"])
def test_the_configuration_for_people_is_no_code(run, value):
    run.config_text.write_text(f"x = {value}\n")
    assert run.config() == {"x": value}


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(errors.UserError, match="far too large"):
        files.read_text(tmp_path / "large")


def test_what_lies_in_the_way_of_a_new_file_is_not_followed(run, victim):
    temporary = run.path / f".config.json.{os.getpid()}.tmp"
    for path in (temporary, run.curves):
        path.symlink_to(victim / "file")
    files.write_atomically(run.config_json, "new")
    files.write_atomically(run.curves, "new")
    assert run.config_json.read_text() == run.curves.read_text() == "new"


BAD = ["", DEEP, "9" * 5000, "{}", "[]", '"x"', "null", "\x00", '{"fingerprint": 1, "info": [1]}']


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_record_that_is_none_is_refused(run, text):
    for path in (run.environment, run.data_set):
        path.write_text(text)
    with pytest.raises(errors.UserError, match=r"data_set\.json is damaged: delete it"):
        storage.data_record.recorded_info(run.data_set)
    if text == "[]":  # no starts
        return
    with pytest.raises(errors.UserError, match=r"environment\.json .*JSON"):
        storage.environment.record_start(run.environment, run.git_diff, source=run.path)


@pytest.mark.parametrize(
    "line", [DEEP, "9" * 5000, '{"step": 1, "x": {}}', '{"step": "1"}', "\x00"]
)
def test_lines_that_are_no_metrics_are_passed_over(run, line):
    run.metrics.write_text(f'{line}\n{{"step": 1, "x": null}}\n')
    reporting.writers.JsonLinesWriter(run.metrics, 1).close()
    assert run.metrics.read_text() == '{"step": 1, "x": null}\n'


def link(target):
    return lambda data, shard: shutil.move(shard, target(data)) and shard.symlink_to(target(data))


def named(name):
    def edit(data, shard):
        path, listed = str(name(data) if callable(name) else name), data / "dataset.json"
        (data / "train").mkdir()
        if not (data / path).is_dir():
            shutil.copy(shard, data / path)
        listed.write_text(listed.read_text().replace(shard.name, path))

    return edit


def manifest(text):
    return lambda data, shard: (data / "dataset.json").write_text(text)


def pipe(data, shard):
    shard.unlink()
    os.mkfifo(shard)


def pickled(data, shard):
    shard.write_bytes(PICKLE.ljust(shard.stat().st_size, b"\0"))


DATA = {
    "a shard above the folder": named("../elsewhere"),
    "a shard of an absolute path": named(lambda data: data.parent / "elsewhere"),
    "a shard below another folder": named("train/../../elsewhere"),
    "a hidden shard": named(".hidden"),
    "a folder as shard": named("train"),
    "the folder itself as shard": named("."),
    "a link as shard": link(lambda data: data.parent / "elsewhere"),
    "a link in the folder": link(lambda data: data / "elsewhere"),
    "a pipe as shard": pipe,
    "a pickle as shard": pickled,
    "a deep manifest": manifest(DEEP),
    "a manifest of numbers": manifest("9" * 5000),
    "a manifest with a negative size": manifest(
        '{"splits": {"a": [{"file": "x", "records": -1, "bytes": 0, "digest": ""}]}, "info": {}}'
    ),
    "a pickle as manifest": lambda data, shard: (data / "dataset.json").write_bytes(PICKLE),
    "a folder as manifest": lambda data, shard: (
        (data / "dataset.json").unlink(),
        (data / "dataset.json").mkdir(),
    ),
    "a pipe as manifest": lambda data, shard: (
        (data / "dataset.json").unlink(),
        os.mkfifo(data / "dataset.json"),
    ),
}


def write(data):
    with storage.dataset_writer.DataSetWriter(data, overwrite=True) as writer:
        for number in range(3):
            writer.write("train", b"record %d" % number)
        writer.commit({})


@pytest.mark.parametrize("attack", DATA)
def test_a_data_set_is_read_from_its_folder_only(tmp_path, attack, victim):
    data = tmp_path / "data"
    write(data)
    (shard,) = data.glob("train-*")
    DATA[attack](data, shard)
    with pytest.raises(errors.UserError) as caught:
        storage.dataset.DataSet.open(data)
    assert "\n" not in str(caught.value) and str(data) in str(caught.value)


@pytest.mark.parametrize("name", [".writing", ".writing/lock", ".writing/left"])
def test_a_data_set_is_written_to_its_folder_only(tmp_path, victim, name):
    data = tmp_path / "data"
    write(data)
    (data / name).parent.mkdir(exist_ok=True)
    (data / name).symlink_to(victim / "file" if name.endswith("lock") else victim)
    with pytest.raises(errors.UserError, match="is a link"):
        write(data)


def test_an_export_goes_to_its_folder_only(tmp_path, victim, capsys):
    folder = tmp_path / "exported"
    folder.mkdir()
    (folder / "model.stablehlo").symlink_to(victim / "file")
    words = ["export", "--run-dir", tmp_path / "run", "--output", folder]
    assert "holds model.stablehlo" in refusal(capsys, *words)
    assert "is a link" in refusal(capsys, *words, "--overwrite")


def checkpoints(folder):
    return storage.checkpoints.Checkpoints(folder, storage.checkpoints.CheckpointSettings())


class Position:
    """A position in data, as an iterator of Grain has one."""

    def get_state(self):
        return {"next_index": 3}

    def set_state(self, state):
        assert state == {"next_index": 3}


def test_digests_are_of_files_of_the_checkpoint(tmp_path):
    digests = storage.digests
    (tmp_path / digests.METADATA).write_text("{}")
    for name in ("/dev/zero", "../file"):
        (tmp_path / digests.DIGESTS).write_text(json.dumps({name: "0" * 64}))
        assert "names files elsewhere" in digests.find_damage(tmp_path)
    for text in (DEEP, "[]", "\x00"):
        (tmp_path / digests.DIGESTS).write_text(text)
        assert "digests.json" in digests.find_damage(tmp_path)


def test_a_checkpoint_is_never_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state = {"weights": jnp.arange(6.0), "step": jnp.int32(3)}
    with checkpoints(tmp_path / "saved") as saving:
        saving.save(3, state, Position(), metrics={"eval": {"loss": 1.0}}, hooks={"x": [1]})
    objects = np.array([Planted()], dtype=object)
    places = [path for path in (tmp_path / "saved").rglob("*") if path.is_file()]
    assert len(places) > 5
    for number, place in enumerate(places):
        folder = tmp_path / f"copy-{number}"
        shutil.copytree(tmp_path / "saved", folder)
        damaged = folder / place.relative_to(tmp_path / "saved")
        damaged.write_bytes(PICKLE)
        for suffix in (".pkl", ".pickle", ".bin", ".pt"):
            damaged.with_suffix(suffix).write_bytes(PICKLE)
        np.save(damaged.with_suffix(".npy"), objects, allow_pickle=True)
        with watched():
            try:
                with checkpoints(folder) as opened:
                    opened.restore(state, Position())
            except Exception:  # whatever Orbax makes of it
                continue
    assert not (tmp_path / "ran").exists()


def test_a_position_in_the_data_is_never_unpickled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = tiny.make(tiny.prepare(tmp_path)).data
    batches = iter(data.train_batches(seed=0, process=0, processes=1))
    next(batches)
    position = batches.get_state()
    assert json.loads(json.dumps(position)) == position
    for bad in (PICKLE, PICKLE.decode("latin-1"), dict.fromkeys(position, PICKLE)):
        with watched():
            try:
                batches.set_state(bad)
                next(batches)
            except Exception:  # whatever Grain makes of it
                continue
    assert not (tmp_path / "ran").exists()


def test_the_watch_sees_what_it_is_for():
    with pytest.raises(AssertionError, match="find_class"), watched():
        pickle.loads(pickle.dumps(Planted))
    with pytest.raises(AssertionError, match="system"), watched():
        os.system("true")
