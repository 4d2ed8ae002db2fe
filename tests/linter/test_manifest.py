"""The manifest is up to date, and says which files of a copy are missing, edited or foreign."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jaxcheck.running import manifest

from .running import HOOKS


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the linter as a project has it."""
    folder = tmp_path / "tools" / "jaxcheck"
    shutil.copytree(HOOKS / "jaxcheck", folder, ignore=shutil.ignore_patterns("__pycache__"))
    manifest.write(folder)
    return folder


def verify(copy: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(copy), "--verify"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_manifest_is_up_to_date() -> None:
    found = manifest.differences()
    assert found is not None
    assert not found, "write it anew: PYTHONPATH=hooks python -m jaxcheck.running.manifest"


def test_an_unchanged_copy_passes(copy: Path) -> None:
    done = verify(copy)
    assert (done.returncode, done.stderr) == (0, "")
    assert verify(copy).returncode == 0, "its caches are no foreign files"


def test_line_ends_and_hidden_files_do_not_count(copy: Path) -> None:
    file = copy / "settings.py"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    (copy / ".DS_Store").write_bytes(b"\0")
    assert verify(copy).returncode == 0


def test_what_differs_is_named_with_advice(copy: Path) -> None:
    (copy / "docs/JX501.md").unlink()
    with (copy / "settings.py").open("a") as stream:
        stream.write("# mine\n")
    (copy / "rules/item05_mine.py").write_text('"""Mine."""\n')
    done = verify(copy)
    assert (done.returncode, done.stdout) == (1, "")
    told = done.stderr.splitlines()
    assert told[1:4] == [
        "  missing: docs/JX501.md",
        "  edited: settings.py",
        "  foreign: rules/item05_mine.py",
    ]
    for advice in ("git checkout", "uvx copier update", "[tool.jaxcheck]"):
        assert advice in done.stderr


@pytest.mark.parametrize("content", [None, "", "no manifest\n"])
def test_without_a_manifest_nothing_is_verified(copy: Path, content: str | None) -> None:
    (copy / manifest.NAME).unlink()
    if content is not None:
        (copy / manifest.NAME).write_text(content)
    done = verify(copy)
    assert done.returncode == 1
    assert "is missing or damaged" in done.stderr
