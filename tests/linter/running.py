"""Runs the linter as users do: as a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HOOKS = Path(__file__).parents[2] / "hooks"

REUSED = """\
import jax


def sample(seed):
    key = jax.random.PRNGKey(seed)
    first = jax.random.normal(key, (3,))
    second = jax.random.normal(key, (3,))
    return first + second
"""
"""Breaks JX1302, which `--fix` mends, on line 5, and JX501 on line 7."""

CLEAN = "import jax\n\nKEY_TYPE = jax.Array\n"

RULES = '[tool.jaxcheck]\nselect = ["JX0", "JX501", "JX1302"]\n'
"""Settings under which `REUSED` has just these findings, whatever other rules come."""


def jaxcheck(
    *arguments: str | Path, cwd: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs `python -m jaxcheck` in a folder."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GITHUB_")}
    return subprocess.run(
        [sys.executable, "-m", "jaxcheck", *map(str, arguments)],
        cwd=cwd,
        env={**inherited, "PYTHONPATH": str(HOOKS), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def findings(*arguments: str | Path, cwd: Path) -> list[dict[str, Any]]:
    """Runs the linter and returns its findings."""
    done = jaxcheck("--format", "json", *arguments, cwd=cwd)
    assert done.returncode in (0, 1, 3), done.stderr
    return json.loads(done.stdout)["findings"]


def codes(*arguments: str | Path, cwd: Path) -> list[tuple[str, int, str]]:
    """Runs the linter and returns path, line and code of its findings."""
    return [(f["path"], f["line"], f["code"]) for f in findings(*arguments, cwd=cwd)]


def project(folder: Path, **files: str) -> Path:
    """Writes the files of a project: their names without `.py`, and their texts."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(RULES)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder
