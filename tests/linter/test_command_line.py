"""The command line: what it takes, what it says, and how it ends."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from jaxcheck import catalogue, command_line
from jaxcheck.running import checking

from .running import CLEAN, HOOKS, REUSED, codes, jaxcheck, project


def test_findings_fail_and_cleanness_passes(tmp_path: Path) -> None:
    project(tmp_path, reused=REUSED, clean=CLEAN)
    failed = jaxcheck(".", cwd=tmp_path)
    assert failed.returncode == 1
    assert "reused.py:7:14: JX501[key-reused]" in failed.stdout
    passed = jaxcheck("clean.py", cwd=tmp_path)
    assert (passed.returncode, passed.stdout) == (0, "No findings in 1 file.\n")
    assert failed.stderr == passed.stderr == ""


def test_notes_and_heuristic_findings_do_not_fail(tmp_path: Path) -> None:
    project(tmp_path, reused=REUSED)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.jaxcheck]\nselect = ["JX501"]\nseverity = { key-reused = "note" }\n'
    )
    done = jaxcheck(cwd=tmp_path)
    assert done.returncode == 0
    assert "JX501[key-reused] (note)" in done.stdout
    assert "1 finding in 1 file, 1 of them only to consider." in done.stdout


def test_without_paths_it_takes_those_of_the_settings(tmp_path: Path) -> None:
    project(tmp_path)
    project(tmp_path / "src", reused=REUSED)
    project(tmp_path / "elsewhere", reused=REUSED)
    (tmp_path / "src/pyproject.toml").unlink()
    (tmp_path / "elsewhere/pyproject.toml").unlink()
    assert {path for path, _, _ in codes(cwd=tmp_path)} == {"src/reused.py", "elsewhere/reused.py"}
    with (tmp_path / "pyproject.toml").open("a") as stream:
        stream.write('paths = ["src"]\n')
    assert {path for path, _, _ in codes(cwd=tmp_path)} == {"src/reused.py"}
    assert {path for path, _, _ in codes(cwd=tmp_path / "elsewhere")} == {"src/reused.py"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.py"], "nowhere.py does not exist"),
        (["empty"], "no Python files under empty"),
        (
            ["--select", "JX5O1", "."],
            "no rule or profile `JX5O1`; --list-rules lists them",
        ),
        (["--select", "jx501", "."], "there is no rule or profile `jx501` (did you mean `JX501`?)"),
        (["--ignore", "key-resued", "."], "did you mean `key-reused`?"),
        (["--explain", "key-resued"], "did you mean `key-reused`?"),
        (["--baseline", "none.json", "."], "none.json does not exist; write it with"),
        (["--config", "none.toml", "."], "none.toml cannot be read"),
        (["--statistics", "--format", "json", "."], "--statistics is text"),
        (["--output", "no/such/folder", "."], "no/such/folder cannot be written"),
        (["--frobnicate"], "unrecognized arguments"),
    ],
)
def test_wrong_usage_is_told(tmp_path: Path, arguments: list[str], said: str) -> None:
    project(tmp_path, clean=CLEAN)
    (tmp_path / "empty").mkdir()
    done = jaxcheck(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_unreadable_file_is_a_finding(tmp_path: Path) -> None:
    project(tmp_path, broken="import jax\ndef f(:\n", reused=REUSED)
    (tmp_path / "latin.py").write_bytes(b"import jax  # caf\xe9\n")
    found = codes(cwd=tmp_path)
    assert ("broken.py", 2, "JX000") in found
    assert ("latin.py", 1, "JX000") in found
    assert ("reused.py", 7, "JX501") in found
    assert jaxcheck("--select", "JX501", "broken.py", cwd=tmp_path).returncode == 1


def test_a_failing_rule_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(module: object, project: object) -> None:
        raise ZeroDivisionError("one by zero")

    rules = catalogue.rules()
    broken = replace(rules["JX1302"], check=fails)  # pyright: ignore[reportArgumentType]
    monkeypatch.setattr(checking, "rules", lambda: {**rules, "JX1302": broken})
    project(tmp_path, reused=REUSED)
    status = command_line.main([str(tmp_path), "--format", "json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    assert status == 3
    assert [f["code"] for f in found] == ["JX999", "JX501"]
    assert "JX1302 legacy-prng-key failed" in found[0]["message"]
    assert "one by zero" in found[0]["message"]


def test_select_and_ignore(tmp_path: Path) -> None:
    project(tmp_path, reused=REUSED)
    both = [("reused.py", 5, "JX1302"), ("reused.py", 7, "JX501")]
    assert codes(cwd=tmp_path) == both
    assert codes("--select", "JX501, JX1302", cwd=tmp_path) == both
    assert codes("--select", "key-reused", cwd=tmp_path) == both[1:]
    assert codes("--select", "JX13", cwd=tmp_path) == both[:1]
    assert codes("--ignore", "JX13", cwd=tmp_path) == both[1:]
    with (tmp_path / "pyproject.toml").open("a") as stream:
        stream.write('ignore = ["JX501"]\n')
    assert codes(cwd=tmp_path) == both[:1]
    assert codes("--select", "JX501", cwd=tmp_path) == both[1:], "who selects a rule wants it"


def test_output_goes_to_a_file(tmp_path: Path) -> None:
    project(tmp_path, reused=REUSED)
    done = jaxcheck("--format", "json", "--output", "found.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(json.loads((tmp_path / "found.json").read_text())["findings"]) == 2


def test_every_rule_is_explained(tmp_path: Path) -> None:
    for code, rule in list(catalogue.rules().items())[::10]:
        by_code = jaxcheck("--explain", code.lower(), cwd=tmp_path)
        assert by_code.returncode == 0
        assert by_code.stdout.startswith(f"# {code} {rule.name}\n\n{rule.item}: ")
        assert jaxcheck("--explain", rule.name, cwd=tmp_path).stdout == by_code.stdout
    explained = jaxcheck("--explain", "JX501", cwd=tmp_path).stdout
    assert "\n## What is not flagged\n" in explained
    assert " · error · " in explained


def test_rules_are_listed(tmp_path: Path) -> None:
    listed = jaxcheck("--list-rules", cwd=tmp_path).stdout
    described = json.loads(jaxcheck("--list-rules", "--format", "json", cwd=tmp_path).stdout)
    assert [rule["code"] for rule in described] == list(catalogue.rules())
    for rule in described:
        assert f"    {rule['code']:7} {rule['profile']:12} {rule['name']}" in listed
    assert jaxcheck("--list-rules", "--format", "sarif", cwd=tmp_path).returncode == 2


def test_a_reader_that_leaves_is_no_failure(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.exit(0)"], stdin=subprocess.PIPE
    ) as reader:
        reader.wait()
        done = subprocess.run(
            [sys.executable, "-m", "jaxcheck", "--list-rules"],
            cwd=HOOKS,
            stdout=reader.stdin,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        reader.stdin = None
    assert "Traceback" not in done.stderr


# -I keeps the environment's own start-up files out, and with them the current folder.
START = "import sys; sys.path.insert(0, '.'); from jaxcheck.__main__ import main; main()"


def test_starting_imports_little() -> None:
    """What takes long to import is left to the commands that need it; the benchmark has times."""
    heavy = {"asyncio", "concurrent", "email", "http", "logging", "multiprocessing", "unittest"}
    command = [sys.executable, "-I", "-X", "importtime", "-c", START, "--list-rules"]
    told = subprocess.run(command, cwd=HOOKS, capture_output=True, text=True, check=True).stderr
    lines = [line for line in told.splitlines() if line.startswith("import time:")][1:]
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    assert "jaxcheck" in imported
    assert not imported & heavy
