"""Files are read as Python reads them: from the disk or from stdin, in their own encoding."""

import json
import os
import subprocess
import sys
from pathlib import Path

from .running import HOOKS, REUSED, RULES, codes, findings, jaxcheck, project

FOUND = [("JX1302", 5), ("JX501", 7)]


def piped(text: bytes, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Runs the linter on what comes in a pipe."""
    return subprocess.run(
        [sys.executable, "-m", "jaxcheck", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(HOOKS)},
        input=text,
        capture_output=True,
        check=False,
    )


def test_stdin_stands_for_a_file(tmp_path: Path) -> None:
    project(tmp_path, reused="import jax\n")
    (tmp_path / "pyproject.toml").write_text(RULES)
    name = ("--stdin-filename", "reused.py")
    done = piped(REUSED.encode(), "-", *name, "--format", "json", cwd=tmp_path)
    found = json.loads(done.stdout)["findings"]
    assert [(f["code"], f["line"]) for f in found] == FOUND
    assert {f["path"] for f in found} == {"reused.py"}
    assert done.returncode == 1
    assert (tmp_path / "reused.py").read_text() == "import jax\n"
    nameless = piped(REUSED.encode(), "-", "--select", "JX501", cwd=tmp_path)
    assert b"stdin.py:7:" in nameless.stdout


def test_what_comes_from_stdin_is_not_fixed(tmp_path: Path) -> None:
    done = piped(REUSED.encode(), "-", "--fix", cwd=tmp_path)
    assert done.returncode == 2
    assert b"need files" in done.stderr


def test_a_declared_encoding_is_read_and_kept(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(RULES)
    text = f"# -*- coding: latin-1 -*-\nNAME = 'größer'\n{REUSED}"
    path = tmp_path / "old.py"
    path.write_bytes(text.encode("latin-1"))
    assert [code for _, _, code in codes(cwd=tmp_path)] == ["JX1302", "JX501"]
    jaxcheck("--fix", cwd=tmp_path)
    assert path.read_bytes() == text.replace("PRNGKey", "key").encode("latin-1")


def test_an_encoding_that_there_is_not_is_told(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text("# coding: klingon\nimport jax\n")
    [finding] = findings(cwd=tmp_path)
    assert finding["code"] == "JX000"
    assert "klingon" in finding["message"]


def test_a_syntax_that_this_python_lacks_says_which_python_it_is(tmp_path: Path) -> None:
    (tmp_path / "newer.py").write_text("import jax\nx = = 1\n")
    [finding] = findings(cwd=tmp_path)
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"cannot be parsed by Python {running}" in finding["message"]
    assert "run jaxcheck with that one" in finding["message"]
