"""The one file in which projects carry jaxcheck: how it is made, that it runs like the folder."""

import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import pack

from ..support import interpreters, rendering
from .running import HOOKS, REUSED, project

STALE = "jaxcheck.pyz is not what hooks/jaxcheck gives; run: python hooks/pack.py"
SHAPES = '''from jaxtyping import Array, Float


def transposed(x: Float[Array, "batch d_in"]) -> Float[Array, "batch d_in"]:
    """Swap the axes, whatever the annotation says."""
    return x.T
'''
LATE = "import jax, runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
"""Runs the file where JAX has been imported already, so that tracing starts another process."""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The linter as a project has it."""
    file = tmp_path / "tools" / "jaxcheck.pyz"
    file.parent.mkdir()
    shutil.copy2(pack.PACKED, file)
    return file


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


# --- how it is made ---


def test_it_is_up_to_date() -> None:
    assert pack.PACKED.read_bytes() == pack.pack(), STALE


def test_it_holds_the_linter_and_nothing_else() -> None:
    tracked = rendering.git(HOOKS, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    expected = {name for name in tracked.split("\0") if name.startswith("jaxcheck/")}
    with zipfile.ZipFile(pack.PACKED) as archive:
        names = archive.namelist()
        for entry in archive.infolist():
            source = "jaxcheck/__main__.py" if entry.filename == names[0] else entry.filename
            assert archive.read(entry) == (HOOKS / source).read_bytes()
            assert entry.compress_type == zipfile.ZIP_STORED, "git could not store differences"
    assert names == ["__main__.py", *sorted(expected)]


@pytest.mark.parametrize("python", interpreters.WORKING.values(), ids=str)
def test_every_machine_makes_the_same_bytes(tmp_path: Path, python: str) -> None:
    """Another Python, umask, locale, time, folder; line ends of Windows; files that are no part."""
    hooks = tmp_path / "elsewhere" / "hooks"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HOOKS, hooks, ignore=ignored, copy_function=shutil.copyfile)
    (hooks / "jaxcheck/.DS_Store").write_bytes(b"\0")
    for number, file in enumerate(sorted(hooks.rglob("*.md"))):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
        file.chmod(0o700 if number % 2 else 0o444)
    packed = tmp_path / "elsewhere" / "template" / "tools" / "jaxcheck.pyz"
    packed.parent.mkdir(parents=True)
    subprocess.run(
        [python, hooks / "pack.py"],
        cwd=tmp_path,
        umask=0o077,
        env={"LC_ALL": "C", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"},
        check=True,
    )
    assert packed.read_bytes() == pack.pack()


# --- how it runs ---


@pytest.fixture(scope="module")
def lab(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that breaks a convention."""
    lab = rendering.render(template, tmp_path_factory.mktemp("lab") / "p", package_name="lab")
    (lab / "src/lab/noise.py").write_text(REUSED)
    return lab


@pytest.mark.parametrize(
    "arguments",
    [
        ("--report",),
        ("--format", "json"),
        ("--format", "sarif"),
        ("--explain", "JX501"),
        ("--list-rules",),
        ("--print-schema",),
        ("--version",),
    ],
    ids=" ".join,
)
def test_it_says_what_the_folder_says(lab: Path, arguments: tuple[str, ...]) -> None:
    folder = run("-m", "jaxcheck", *arguments, cwd=lab, PYTHONPATH=str(HOOKS))
    packed = run("tools/jaxcheck.pyz", *arguments, cwd=lab)
    assert (packed.returncode, packed.stdout) == (folder.returncode, folder.stdout)
    assert packed.stderr == folder.stderr == ""
    assert len(packed.stdout) > 10


def test_it_traces(copy: Path) -> None:
    project(copy.parents[1] / "lab", __init__='"""A package."""\n', shapes=SHAPES)
    arguments = ("trace", "lab", "--format", "json", "--select", "JX209")
    folder = run("-m", "jaxcheck", *arguments, cwd=copy.parents[1], PYTHONPATH=str(HOOKS))
    assert folder.stdout.count("JX209") >= 1, folder.stderr
    for command in ([copy], ["-c", LATE, copy]):
        packed = run(*command, *arguments, cwd=copy.parents[1])
        assert (packed.returncode, packed.stdout) == (1, folder.stdout), packed.stderr


# --- whether it is as it was delivered ---


def test_an_unchanged_copy_passes(copy: Path) -> None:
    done = run("tools/jaxcheck.pyz", "--verify", cwd=copy.parents[1])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "tools/jaxcheck.pyz is as it was delivered\n"


def test_a_changed_copy_fails_with_advice(copy: Path) -> None:
    content = copy.read_bytes()
    changed = {
        "a word of a page": content.replace(b"# JX501", b"# JX502", 1),
        "a time in the directory": content[:-2000] + content[-2000:].replace(b"!\0", b"#\0", 1),
        "the digest": content[:-1] + (b"1" if content[-1:] == b"0" else b"0"),
        "the end": content + b"\n",
        "packed anew": repacked(content),
    }
    for name, written in changed.items():
        assert written != content
        copy.write_bytes(written)
        done = run("tools/jaxcheck.pyz", "--verify", cwd=copy.parents[1])
        assert (done.returncode, done.stdout) == (1, ""), name
        assert done.stderr.startswith("tools/jaxcheck.pyz is not as it was delivered.\n"), name
        for advice in ("`git checkout COMMIT~ -- tools/jaxcheck.pyz`", "uvx copier update"):
            assert advice in done.stderr


def repacked(content: bytes) -> bytes:
    """The archive with a rule more, by a tool that copies its comment."""
    changed = io.BytesIO(content)
    with zipfile.ZipFile(changed, "a") as archive:
        archive.writestr("jaxcheck/rules/item05_mine.py", '"""Mine."""\n')
    return changed.getvalue()


def test_the_folder_of_an_older_release_is_named(copy: Path) -> None:
    older = copy.with_suffix("")
    older.mkdir()
    done = run(copy, "--verify", cwd=copy.parents[1])
    assert (done.returncode, done.stderr) == (0, ""), "some folder"
    (older / "__main__.py").touch()
    done = run(copy, "--verify", cwd=copy.parents[1])
    assert done.returncode == 0, "it does no harm"
    assert "python tools/jaxcheck --verify && rm -r tools/jaxcheck\n" in done.stderr


def test_a_folder_cannot_be_verified(tmp_path: Path) -> None:
    done = run("-m", "jaxcheck", "--verify", cwd=tmp_path, PYTHONPATH=str(HOOKS))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("jaxcheck: --verify is for jaxcheck.pyz")
