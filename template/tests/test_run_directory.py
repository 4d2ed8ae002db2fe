"""Run directories, their lock, and the record of what a run ran on."""

import json
import os
import shutil
import subprocess
import sys

import jax
import pytest

from .project import errors, files, storage

HOLD = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(file, fcntl.LOCK_EX)
os.write(file, f"process {os.getpid()}".encode())
print("held", flush=True)
sys.stdin.read()
"""


def run_directory(path):
    return storage.run_directory.RunDirectory(path)


def record(folder, source):
    run = run_directory(folder)
    storage.environment.record_start(run.environment, run.git_diff, source=source)
    return json.loads(run.environment.read_text())


def git(folder, *arguments):
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments], capture_output=True, check=True
    )
    return done.stdout.decode()


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit, and an empty folder for a run beside it."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--initial-branch=trunk")
    (folder / "model.py").write_text("width = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "--message", "first")
    (tmp_path / "run").mkdir()
    return folder


def test_naming_a_run_directory_creates_nothing(tmp_path):
    run = run_directory(tmp_path / "run")
    parts = [part for name, part in vars(run).items() if name != "path"]
    assert len(set(parts)) == len(parts) > 0
    assert all(part.parent == run.path for part in parts)
    assert not run.path.exists()


def test_the_configuration_by_name(tmp_path):
    run = run_directory(tmp_path)
    assert run.config() == {}
    run.config_text.write_text(
        "model = lab.model.Settings\nmodel.d_model = 8\nseed = 0  # default\n"
    )
    assert run.config() == {"model": "lab.model.Settings", "model.d_model": 8, "seed": 0}


def test_a_second_lock_is_refused_and_the_first_released(tmp_path):
    run = run_directory(tmp_path / "deep" / "run")
    refusal = pytest.raises(errors.UserError, match=f"in use by process {os.getpid()} on ")
    with run.lock(), refusal, run.lock():
        pass
    with run.lock():
        pass


def test_the_lock_dies_with_its_process(tmp_path):
    run = run_directory(tmp_path)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / ".lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(errors.UserError, match=f"process {holder.pid}"), run.lock():
            pass
    finally:
        holder.kill()
        holder.communicate()
    with run.lock():
        pass


def test_a_run_directory_that_is_a_file_is_refused(tmp_path):
    path = tmp_path / "run"
    path.write_text("")
    with pytest.raises(errors.UserError, match="--run-dir"), run_directory(path).lock():
        pass


def test_a_failed_write_leaves_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "file"
    files.write_atomically(path, "old ä")
    assert path.read_text(encoding="utf-8") == "old ä"

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        files.write_atomically(path, "new")
    assert path.read_text(encoding="utf-8") == "old ä"
    assert os.listdir(tmp_path) == ["file"]


def test_the_environment_is_recorded_at_every_start(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    record(tmp_path, tmp_path)
    first, second = record(tmp_path, tmp_path)
    assert first["packages"]["jax"] == second["packages"]["jax"] == jax.__version__
    assert first["devices"]["count"] == jax.device_count()
    assert first["git"] is None
    assert not list(tmp_path.glob("git*"))


def test_the_environment_without_git(tmp_path, repository, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (start,) = record(tmp_path / "run", repository)
    assert start["git"] is None


def test_commit_branch_and_changes_are_recorded(tmp_path, repository):
    run = tmp_path / "run"
    (clean,) = record(run, repository)
    commit = git(repository, "rev-parse", "HEAD").strip()
    assert clean["git"] == {
        "commit": commit,
        "branch": "trunk",
        "dirty": False,
        "untracked": [],
        "diff": None,
    }

    (repository / "model.py").write_text("width = 2\n")
    (repository / "new.py").write_text("")
    git_state = record(run, repository)[-1]["git"]
    assert git_state["dirty"]
    assert git_state["untracked"] == ["new.py"]
    git(repository, "checkout", "model.py")
    git(repository, "apply", str(run / git_state["diff"]))
    assert (repository / "model.py").read_text() == "width = 2\n"

    assert record(run, repository)[-1]["git"]["diff"] == git_state["diff"]  # the same changes
    (repository / "model.py").write_text("width = 3\n")
    name = record(run, repository)[-1]["git"]["diff"]
    assert name != git_state["diff"]
    assert "+width = 2" in (run / git_state["diff"]).read_text()
    assert "+width = 3" in (run / name).read_text()


def test_a_repository_without_a_commit(tmp_path, repository):
    shutil.rmtree(repository / ".git")
    git(repository, "init", "--initial-branch=trunk")
    (start,) = record(tmp_path / "run", repository)
    assert start["git"]["commit"] is None
    assert start["git"]["branch"] == "trunk"
    assert start["git"]["dirty"]


def test_an_empty_folder_of_checkpoints_stays_beside_metrics(tmp_path):
    """It says that none was ever complete; where it is gone, so is what was in it."""
    run = run_directory(tmp_path / "run")
    with run.lock():
        run.checkpoints.mkdir()
        run.metrics.write_text('{"step": 1}\n')
    assert run.checkpoints.is_dir()
