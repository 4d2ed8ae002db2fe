"""Damage to the files of a run is found before they are used, and named."""

import contextlib
import json
import logging
import resource
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from . import tiny, tiny_task
from .project import command_line, errors, storage

Checkpoints = storage.checkpoints.Checkpoints
SETTINGS = storage.checkpoints.CheckpointSettings()


class Position:
    """The position of data of which ten batches were read."""

    at = 10

    def get_state(self):
        return {"next_index": self.at}

    def set_state(self, state):
        self.at = state["next_index"]


def state_after(step):
    return {"weights": jnp.arange(3000.0) * step, "step": jnp.int32(step)}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Checkpoints after steps 1 and 2, with metrics."""
    folder = tmp_path_factory.mktemp("saved") / "checkpoints"
    with Checkpoints(folder, SETTINGS) as checkpoints:
        for step in (1, 2):
            metrics = {"eval": {"loss": 1.0 / step}}
            checkpoints.save(step, state_after(step), Position(), metrics=metrics, lines=step)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "checkpoints")


def restore(folder, settings=SETTINGS):
    here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    abstract = jax.tree.map(lambda leaf: leaf.update(sharding=here), jax.eval_shape(state_after, 0))
    with Checkpoints(folder, settings) as checkpoints:
        restored = checkpoints.restore(abstract, Position())
    assert restored is not None
    np.testing.assert_array_equal(restored.state["weights"], np.arange(3000) * restored.step)
    return restored


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def files_of(folder):
    names = (path.name for path in folder.rglob("*"))
    assert {"manifest.ocdbt", "_METADATA", "_CHECKPOINT_METADATA", "digests.json"} <= {*names}
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in files if path.name != "commit_success.txt"]  # of which nothing is read


def test_whole_checkpoints_are_restored_without_a_word(folder, caplog):
    restored = restore(folder)
    assert (restored.step, restored.lines) == (2, 2)
    assert not caplog.records


@pytest.mark.parametrize("damage", ["bit", "page", "missing"])
def test_damage_to_any_file_is_named_and_the_checkpoint_before_taken(
    saved, tmp_path, caplog, capfd, damage
):
    for number, file in enumerate(path.relative_to(saved) for path in files_of(saved / "2")):
        folder = shutil.copytree(saved, tmp_path / str(number))
        path = folder / file
        size = path.stat().st_size
        if damage == "missing":
            path.unlink()
        elif damage == "page":
            path.write_bytes(bytes(min(size, 4096)) + path.read_bytes()[4096:])
        else:
            flip(path, size // 3)
        caplog.clear()
        if damage == "missing" and path.name == "digests.json":
            # As a checkpoint of an earlier release.
            assert restore(folder).step == 2
            assert "checkpoint 2 has no digests.json" in caplog.text
            continue
        assert restore(folder).step == 1, file
        (told,) = (record.getMessage() for record in caplog.records)
        assert told.startswith("checkpoint 2 is damaged (") and told.endswith("; taking 1")
        # Digests that are damaged may name another file, and only Orbax reads all of its own.
        assert path.name in told or path.name in ("digests.json", "_CHECKPOINT_METADATA")
        assert (folder / "damaged-2").is_dir() and not (folder / "2").exists()
    assert "Traceback" not in "".join(capfd.readouterr())


def test_nothing_is_compared_that_is_not_asked_for(folder, tmp_path, caplog):
    settings = SETTINGS.model_copy(update={"digests": False})
    record = json.loads((folder / "2" / "digests.json").read_text())
    record["state/_METADATA"] = "0" * 64
    (folder / "2" / "digests.json").write_text(json.dumps(record))
    assert restore(folder, settings).step == 2
    with Checkpoints(tmp_path / "unread", settings) as checkpoints:
        checkpoints.save(1, state_after(1), Position())
    assert not list((tmp_path / "unread").rglob("digests.json")) and not caplog.records
    assert restore(folder).step == 1


def test_a_position_that_the_data_cannot_take_is_damage(folder, caplog):
    """Of a checkpoint without digests; in others it is found by them."""
    path = folder / "2" / "_CHECKPOINT_METADATA"
    metadata = json.loads(path.read_text())
    metadata["custom_metadata"]["data"] = {}
    path.write_text(json.dumps(metadata))
    (folder / "2" / "digests.json").unlink()
    assert restore(folder).step == 1
    assert "checkpoint 2 is damaged (KeyError: 'next_index'); taking 1" in caplog.text


def test_what_is_no_checkpoint_is_named(folder, caplog):
    (folder / "2").rename(folder / "2.old")
    (folder / "3").write_text("")
    (folder / "4").mkdir()
    assert restore(folder).step == 1
    for name in ("2.old", "3"):
        assert f"{folder / name} is no checkpoint and is passed over" in caplog.text
    assert "checkpoint 4 is damaged" in caplog.text


def test_damaged_checkpoints_never_replace_each_other(folder):
    (folder / "damaged-2").mkdir()
    flip(folder / "2" / "digests.json", 5)
    assert restore(folder).step == 1
    assert (folder / "damaged-2.1" / "digests.json").exists()


def test_nothing_is_moved_where_all_are_damaged(folder, capfd):
    for step in ("1", "2"):
        flip(folder / step / "state" / "_METADATA", 50)
    before = sorted(folder.rglob("*"))
    with pytest.raises(errors.UserError, match=r"no .* is intact .*2/state/_METADATA has ch"):
        restore(folder)
    assert sorted(folder.rglob("*")) == before
    assert capfd.readouterr().err.count("\n") == 0


def test_damage_that_no_digest_tells_of_makes_no_noise(folder, capfd, caplog):
    """As in checkpoints of earlier releases."""
    for step in ("1", "2"):
        (folder / step / "digests.json").unlink()
        for path in (folder / step).rglob("d/*"):
            path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(errors.UserError, match=r"\(step 2: .*OUT_OF_RANGE.*\)") as caught:
        restore(folder)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 800
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
    assert capfd.readouterr().err == ""


@contextlib.contextmanager
def small_files_only():
    """Stands in for a full disk."""
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize("on_failure", ["stop", "continue"])
def test_a_checkpoint_that_cannot_be_written_is_told_of_once(folder, on_failure, capfd, caplog):
    settings = SETTINGS.model_copy(update={"on_failure": on_failure, "keep": 2})
    failed = "checkpoint 3 in .* could not be written: .*; those before are intact"
    stops = pytest.raises(errors.Unsaved, match=failed)
    with Checkpoints(folder, settings) as checkpoints:
        with small_files_only():
            checkpoints.save(3, state_after(3), Position())
            with stops if on_failure == "stop" else contextlib.nullcontext():
                checkpoints.check(wait=True)
        assert sorted(path.name for path in folder.iterdir()) == ["1", "2"]
        checkpoints.save(4, state_after(4), Position())
    assert restore(folder).step == 4
    assert capfd.readouterr().err == ""
    assert len(caplog.records) == (on_failure == "continue")
    # The last one has to be written.
    failed = failed.replace("3", "5")
    stops = pytest.raises(errors.Unsaved, match=failed)
    with stops, small_files_only(), Checkpoints(folder, settings) as checkpoints:
        checkpoints.save(5, state_after(5), Position())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of three steps, and the options of the command."""
    folder = tmp_path_factory.mktemp("trained")
    data = tiny.prepare(folder)
    fields = tiny.directives(data, "loop.steps=4", "checkpoint.every=1", *tiny_task.RANDOM)
    options = [f"--config={each}" for each in fields]
    assert train(folder / "run", options) == 0
    return folder / "run", options, data


def test_the_doctor_looks_at_the_data_and_every_checkpoint(trained, tmp_path, capsys):
    whole, _, data = trained
    run = shutil.copytree(whole, tmp_path / "run")
    doctor = ["doctor", "--run-dir", str(run)]
    assert command_line.main(doctor) == 0
    stored = [f"ok       data {data}: intact"]
    stored += [f"ok       checkpoint {step}: intact" for step in (2, 3, 4)]
    assert [line for line in capsys.readouterr().out.splitlines() if "intact" in line] == stored
    flip(run / "checkpoints" / "3" / "state" / "_METADATA", 50)
    assert command_line.main(doctor) == 1
    (damaged,) = (line for line in capsys.readouterr().out.splitlines() if line[:5] == "wrong")
    assert "checkpoint 3: " in damaged and "state/_METADATA has changed" in damaged


def train(run, options):
    return command_line.main(["train", "--run-dir", str(run), *options])


def test_a_run_goes_on_from_the_checkpoint_before_a_flipped_bit(trained, tmp_path, caplog, capsys):
    whole, options, data = trained
    run = shutil.copytree(whole, tmp_path / "run")
    shutil.rmtree(run / "checkpoints" / "4")
    (arrays, *_) = (path for path in (run / "checkpoints" / "3").rglob("d/*") if path.is_file())
    flip(arrays, arrays.stat().st_size // 2)
    with caplog.at_level(logging.WARNING):
        assert train(run, options) == 0
    assert arrays.name in caplog.text and "taking 2" in caplog.text
    rows = [
        [
            {
                name: value
                for name, value in json.loads(line).items()
                if name != "time" and "per_second" not in name
            }
            for line in (each / "metrics.jsonl").read_text().splitlines()
        ]
        for each in (whole, run)
    ]
    assert rows[0] == rows[1]

    # The same for the data that it trains on; the last test, for the data stay damaged.
    (run / "checkpoints" / "4").rename(tmp_path / "4")
    for shard in data.glob("train-*.arrayrecord"):
        size = len(shard.read_bytes().rstrip(b"\0"))
        for at in range(100, size, 40):
            flip(shard, at)
    capsys.readouterr()
    assert command_line.main(["doctor", "--run-dir", str(run)]) == 1
    assert "train-00000-" in capsys.readouterr().out
    assert train(run, options) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "train-00000-" in error
    assert "Traceback" not in error and error.count("\n") <= 2
