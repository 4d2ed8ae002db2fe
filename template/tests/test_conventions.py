"""The project keeps its conventions, and the copy of jaxcheck that says so is whole."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
JAXCHECK = ROOT / "tools" / "jaxcheck.pyz"


def jaxcheck(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the project's copy of jaxcheck, with the project's settings."""
    assert JAXCHECK.is_file(), (
        "tools/jaxcheck.pyz is missing, so nothing checks the conventions. Restore it: "
        "`git log -- tools/jaxcheck.pyz` shows the commit that removed it."
    )
    command = [sys.executable, str(JAXCHECK), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_settings_say_which_rules_run() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "select" in settings["tool"]["jaxcheck"], (
        "Without `select`, jaxcheck looks for mistakes only. For the conventions, too, write "
        '`select = ["conventions"]` into [tool.jaxcheck] of pyproject.toml.'
    )


def test_conventions_are_kept() -> None:
    found = jaxcheck()
    assert found.returncode == 0, found.stdout + found.stderr


def test_jax_agrees_when_it_traces_the_annotated_functions() -> None:
    from .project import package  # only this test needs the project to be installed

    traced = jaxcheck("trace", package.__name__, "--verbose")
    assert traced.returncode == 0, traced.stdout + traced.stderr


def test_the_copy_of_jaxcheck_is_unchanged() -> None:
    verified = jaxcheck("--verify")
    assert verified.returncode == 0, verified.stderr
