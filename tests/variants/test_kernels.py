"""Fused attention on TPUs, compiled for some that are not here."""

import subprocess
from pathlib import Path

import pytest
from uv import find_uv_bin

from ..support import interpreters
from . import projects


@pytest.mark.nightly
def test_a_tpu_gets_a_kernel(template: Path, tmp_path: Path) -> None:
    """It takes half a gigabyte, so it is installed once, and in an environment of its own."""
    python = next(iter(interpreters.ends().values()))
    project = projects.make(template, tmp_path / "project", python, tmp_path, task="language")
    words = [find_uv_bin(), "sync", "--quiet", "--extra", "tpu"]
    subprocess.run(words, cwd=project.path, env=projects.shell(project.environment), check=True)
    told = project.tool("pytest", "-rs", "tests/test_kernels.py", "-k", "program_of_a_tpu")
    assert "1 passed" in told
