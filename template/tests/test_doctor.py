"""Each check of the doctor can fail, in one line, and writes nothing."""

import json
import shutil
import types

import jax
import pytest

from . import tiny
from .project import command_line, commands, storage
from .watched import unchanged

checks = commands._checks
USAGE = types.SimpleNamespace


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    data = tiny.prepare(tmp_path_factory.mktemp("data"))
    changes = ("mesh.data=8", "loop.steps=4", "loop.eval_every=4")
    return [f"--config={each}" for each in tiny.directives(data, *changes)]


@pytest.fixture(scope="module")
def trained(options, tmp_path_factory):
    run = tmp_path_factory.mktemp("trained") / "run"
    assert command_line.main(["train", "--run-dir", str(run), *options]) == 0
    return run


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


@pytest.fixture
def lines(capsys, tmp_path, monkeypatch):
    """What the doctor says with some words: its exit code, and its lines by what they are about."""
    monkeypatch.chdir(tmp_path)

    def ask(*words):
        with unchanged(tmp_path):
            code = command_line.main(["doctor", *map(str, words)])
        output = capsys.readouterr().out.splitlines()
        assert all(line[:9] in ("ok       ", "warning  ", "wrong    ") for line in output)
        assert (code == 1) == any(line.startswith("wrong") for line in output)
        return code, output

    return ask


def about(output, what):
    (line,) = (line for line in output if line[9:].startswith(what))
    return line


def test_a_run_that_is_as_it_should_be(run, lines):
    code, output = lines("--run-dir", run)
    assert code == 0 and all(line.startswith("ok ") for line in output), output
    subjects = ("versions", "processes", "run", "data", "checkpoint 2", "checkpoint 4", "devices")
    for what in (*subjects, "mesh", "disk", "memory"):
        assert about(output, what)


def test_an_experiment_before_it_is_run(options, lines):
    code, output = lines(*options)
    assert code == 0 and all(line.startswith("ok ") for line in output), output
    assert not any(line[9:].startswith(("checkpoint ", "run")) for line in output)
    code, output = lines(*options, "--config=set:data.directory=nowhere")
    assert code == 0 and "none yet: run prepare" in about(output, "data nowhere")


@pytest.mark.parametrize(
    ("project", "lock", "level", "said"),
    [
        ('"jax<0.1"', "", "wrong", "is installed, but <0.1 is needed: run uv sync"),
        ('"no-such-package>=1"', "", "wrong", "is missing, but >=1 is needed: run uv sync"),
        ("\"jax<0.1; python_version < '3'\"", "", "ok", ""),
        ("", "0.1", "warning", "is installed, but 0.1 is locked: run uv sync"),
    ],
)
def test_versions(tmp_path, project, lock, level, said):
    (tmp_path / "pyproject.toml").write_text(f"[project]\ndependencies = [{project}]\n")
    if lock:
        package = f'[[package]]\nname = "jax"\nversion = "{lock}"\nsource = {{ registry = "x" }}\n'
        (tmp_path / "uv.lock").write_text(package)
    first, *_ = checks.versions.check_versions(None, tmp_path)
    assert first.level == level and said in first.said


def test_what_a_run_was_started_with(run, lines):
    environment = storage.run_directory.RunDirectory(run).environment
    (start,) = json.loads(environment.read_text())
    start["packages"]["jax"] = "0.1"
    start["devices"]["count"] = 512
    environment.write_text(json.dumps([start]))
    code, output = lines("--run-dir", run)
    assert code == 0
    for said in ("was last started with 0.1, here is", "was last started on 512 of cpu"):
        assert [line for line in output if line.startswith("warning") and said in line]
    environment.write_text("[]")
    code, output = lines("--run-dir", run)
    for what in ("versions", "devices"):
        assert "environment.json is damaged: delete it" in about(output, what)
    assert about(output, "memory").startswith("ok")


def test_an_accelerator_that_is_not_found(lines, options, monkeypatch):
    plugins = lambda group: [USAGE(name="xla_cuda13")]  # noqa: E731
    monkeypatch.setattr(checks.versions.metadata, "entry_points", plugins)
    code, output = lines(*options)
    assert code == 1
    assert "wrong    devices: xla_cuda13 is installed, but JAX finds the CPU alone" in output[-5]

    def fail():
        raise RuntimeError("Unable to initialize backend 'cuda'")

    monkeypatch.setattr(jax, "device_count", fail)
    assert lines(*options)[1][-1] == "wrong    devices: Unable to initialize backend 'cuda'"


PAIR = {"JAX_COORDINATOR_ADDRESS": "localhost:20000", "JAX_NUM_PROCESSES": "2"}


@pytest.mark.parametrize(
    ("environment", "level", "said"),
    [
        ({}, "ok", "one"),
        ({"SLURM_NTASKS": "4"}, "ok", "one"),  # in the script of a job
        ({"SLURM_NTASKS": "4", "SLURM_STEP_ID": "0"}, "wrong", "each of SLURM's 4 tasks"),
        ({**PAIR, "JAX_PROCESS_ID": "1", "SLURM_NTASKS": "2"}, "ok", "number 1 of 2"),
        ({**PAIR, "JAX_PROCESS_ID": "1", "SLURM_NTASKS": "4"}, "wrong", "but SLURM runs 4 tasks"),
        ({**PAIR, "JAX_PROCESS_ID": "2"}, "wrong", "'2' and '2': set host:port and numbers"),
        (PAIR, "wrong", "'2' and '': set host:port and numbers"),
        (
            {**PAIR, "JAX_PROCESS_ID": "0", "JAX_COORDINATOR_ADDRESS": "localhost"},
            "wrong",
            "set host:port and numbers",
        ),
        (
            {**PAIR, "JAX_PROCESS_ID": "0", "JAX_COORDINATOR_ADDRESS": "no.such.invalid:1"},
            "wrong",
            "cannot be looked up",
        ),
    ],
)
def test_the_environment_of_a_launcher(environment, level, said):
    found = checks.launcher.check_launcher(environment)
    assert found.level == level and said in found.said


def test_nothing_waits_for_processes_that_a_launcher_never_starts(lines, options, monkeypatch):
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "localhost:1")
    code, output = lines(*options)
    assert code == 1 and "set host:port and numbers" in about(output, "processes")
    assert not any("mesh" in line for line in output)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("mesh.model=3", "does not divide the 8 devices exactly"),
        ("data.batch_size=12", "data.batch_size: a micro-batch of 12 examples does not divide"),
    ],
)
def test_a_mesh_or_batch_that_does_not_divide(lines, options, change, said):
    code, output = lines(*options, f"--config=set:{change}")
    assert code == 1 and said in about(output, "mesh")


@pytest.mark.parametrize(("share", "level"), [(1.01, "warning"), (0.99, "wrong")])
def test_memory_that_is_short(lines, options, monkeypatch, share, level):
    def there(needed):
        return lambda: int(share * needed)

    monkeypatch.setattr(checks.room, "_TIGHT", 0)
    plain = about(lines(*options)[1], "memory")
    assert "make model or batch smaller" in plain
    needed = float(plain.partition("takes ")[2].partition(" GB")[0]) * 1e9
    monkeypatch.undo()
    monkeypatch.setattr(checks.room, "device_memory", there(needed))
    line = about(lines(*options)[1], "memory")
    assert line.startswith(level) and "make model or batch smaller" in line


def test_a_disk_that_is_too_small(lines, options, run, monkeypatch):
    sizes = {}
    for name, words in (("new", options), ("run", ["--run-dir", run])):
        for free in (10**12, 10):
            with monkeypatch.context() as patched:
                patched.setattr(shutil, "disk_usage", lambda _, free=free: USAGE(free=free))
                code, output = lines(*words)
            line = about(output, "disk")
            assert code == (free == 10) and ("make room, or lower checkpoint.keep" in line) == code
        sizes[name] = float(line.partition("take ")[2].partition(" GB")[0])
    # Two of the three that are kept are there already; one more is written before one is removed.
    assert sizes["run"] == pytest.approx(sizes["new"] / 2, rel=0.01)


def test_damage(lines, run):
    (run / "checkpoints" / "2" / "digests.json").unlink()
    (run / "checkpoints" / "4" / "state" / "_METADATA").write_bytes(b"")
    code, output = lines("--run-dir", run)
    assert code == 1
    assert about(output, "checkpoint 2").startswith("warning  checkpoint 2: has no digests")
    assert "_METADATA has changed since it was written" in about(output, "checkpoint 4")


def test_other_data(lines, run):
    record = json.loads((run / "data_set.json").read_text())
    (run / "data_set.json").write_text(json.dumps({**record, "fingerprint": "0"}))
    code, output = lines("--run-dir", run)
    assert code == 1 and "was started with other data" in about(output, "data")


def test_a_run_that_cannot_go_on(lines, run, options):
    code, output = lines("--run-dir", run, *options, "--config=set:seed=7")
    assert code == 1 and "started with another configuration (seed" in about(output, "run")
    shutil.rmtree(run / "checkpoints")
    code, output = lines("--run-dir", run)
    assert code == 1 and "what the run kept there is gone" in about(output, "run")
